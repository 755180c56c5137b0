/* details.js - the dialog: all there is to know of a row, or of the experts of a layer */
const dialog = get('details');
const svgNamespace = 'http://www.w3.org/2000/svg';

function show(value) {
    if (value === null || value === undefined)
        return dash;
    if (typeof value === 'string') /* an infinity */
        return value;
    if (Number.isInteger(value))
        return String(value).replace(/\B(?=(\d{3})+$)/g, '\u2009');
    if (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)
        return value.toExponential(3).replace('e+', 'e');
    return String(Number(value.toPrecision(4)));
}

const showAs = (form, x) =>
    (typeof x === 'number' && form && form !== 'plain' && form !== 'count' ? shown(form, x) : show(x));

function power(e) {
    return '2' + String(e).replace(/./g, (c) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(c)]);
}

/* A table; the first cell of a line heads it, a line with one more cell has words in it. */
function grid(heads, lines) {
    const head = make('tr', heads.map((text) => make('th', text, {scope: 'col'})));
    const tbody = lines.map(function (line) {
        const cells = line.cells.map((content, i) =>
            make(i ? 'td' : 'th', content, i ? {} : {scope: 'row'}));
        if (line.words)
            cells.push(make('td', line.words, {class: 'words', colspan: heads.length - 1}));
        return make('tr', cells, line.mine ? {class: 'mine'} : {});
    });
    return make('div', make('table', [make('thead', head), make('tbody', tbody)]),
        {class: 'scroll', tabindex: 0});
}

function pairs(list) {
    return make('dl', list.map(([name, value]) =>
        make('div', [make('dt', name), make('dd', value)])), {class: 'pairs'});
}

/* ---- histogram ---- */

function draw(name, attributes, parent, text) {
    const e = document.createElementNS(svgNamespace, name);

    for (const a in attributes)
        e.setAttribute(a, attributes[a]);
    if (text !== undefined)
        e.textContent = text;
    parent.append(e);
    return e;
}

/* Counts on a logarithmic axis: an outlier is one element in a hundred million. */
function histogram(first, counts) {
    const width = window.innerWidth < 640 ? 330 : 600, height = 190, left = 34, top = 8;
    const decades = Math.max(1, Math.ceil(Math.log10(Math.max(...counts, 1) + 1)));
    const step = (width - left) / counts.length;
    const every = Math.ceil(counts.length * 55 / width);
    const y = (n) => top + height * (1 - Math.log10(n) / decades);
    const svg = document.createElementNS(svgNamespace, 'svg');

    svg.setAttribute('viewBox', '0 0 ' + width + ' ' + (height + 32));
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', 'Elements by magnitude, from ' + power(first) + ' to ' +
        power(first + counts.length) + '; the numbers are in the table below');
    for (let d = 0; d <= decades; d += Math.ceil(decades / 5)) {
        draw('line', {x1: left, x2: width, y1: y(10 ** d), y2: y(10 ** d)}, svg);
        draw('text', {x: left - 6, y: y(10 ** d) + 4, 'text-anchor': 'end'}, svg,
            d ? power(d).replace('2', '10') : '1');
    }
    counts.forEach(function (n, i) {
        if (i % every === 0)
            draw('text', {x: left + step * i, y: height + top + 18, 'text-anchor': 'middle'},
                svg, power(first + i));
        if (!n)
            return;
        const bar = draw('rect', {
            x: left + step * i + step * 0.06, width: step * 0.88, y: y(n) - 2,
            height: top + height - y(n) + 2
        }, svg);
        draw('title', {}, bar, power(first + i) + ': ' + show(n));
    });
    return svg;
}

function addHistogram(to, h) {
    const lines = h.slice(1).map((n, i) => ({cells: [power(h[0] + i), show(n)]}));

    if (!lines.length)
        return;
    to.push(make('h3', 'Elements by magnitude'), histogram(h[0], h.slice(1)),
        make('p', 'A bar at 2ⁿ counts 2ⁿ ≤ |x| < 2ⁿ⁺¹; the height goes by its logarithm.'),
        make('details', [make('summary', 'As a table'), grid(['|x| from', 'Elements'], lines)]));
}

/* ---- a row ---- */

/* Neighbours of one title share a line; what a weight does not have is left out. */
function addValues(to, values) {
    const sections = [];

    data.values.forEach(function ([group, title, form], i) {
        if (values[i] === null)
            return;
        const section = sections[sections.length - 1];
        const line = section && section.list[section.list.length - 1];
        const text = showAs(form, values[i]);

        if (!section || section.group !== group)
            sections.push({group, list: [[title, text]]});
        else if (line[0] === title)
            line[1] += ' / ' + text;
        else
            section.list.push([title, text]);
    });
    for (const {group, list} of sections)
        to.push(...(group ? [make('h3', group)] : []), pairs(list));
}

/* What the table has of a row. */
function addColumns(to, i) {
    to.push(pairs(columns.filter((c) => c.title && !Number.isNaN(c.value[i])).map((c) =>
        [[c.group, c.title].filter(Boolean).join(' '), shown(c.form, c.value[i])])));
}

function addLists(to, row) {
    if (row.c)
        to.push(make('h3', 'What each scheme costs'), grid(
            ['Scheme', 'SQNR, dB', 'Mean sq. error', 'Largest error', 'In worst 1 % of rows'],
            row.c.map((c, i) => typeof c === 'string' ? {cells: [data.schemes[i]], words: c} :
                {cells: [data.schemes[i], showAs('decibel', c[0]), show(c[1]), show(c[2]),
                    showAs('percent', c[3])], mine: i === data.scheme})));
    if (row.k)
        to.push(make('h3', 'Outlier columns'), grid(
            ['Column', 'RMS', 'Absmax', 'Deviations', 'Rows it leads'],
            row.k.map((k) => ({cells: [String(k[0]), show(k[1]), show(k[2]), show(k[3]),
                showAs('percent', k[4])]}))));
    if (row.r && row.r.length)
        to.push(make('h3', 'Rows with the largest magnitudes'), grid(['Row', 'Absmax', 'Crest'],
            row.r.map((r) => ({cells: [String(r[0]), show(r[1]), show(r[2])]}))));
    if (row.scales !== undefined)
        to.push(pairs([['Scales', show(row.scales)]]));
    if (row.worst)
        to.push(make('h3', 'Rows of the lowest SQNR'), grid(['Row', 'SQNR, dB'],
            row.worst.map((r) => ({cells: [String(r[0]), showAs('decibel', r[1])]}))));
}

function openDialog(title, content) {
    const close = make('button', 'Close', {type: 'button', class: 'close'});

    close.addEventListener('click', () => dialog.close());
    dialog.replaceChildren(make('h2', title, {id: 'details-title'}), close, ...content);
    if (!dialog.open)
        dialog.showModal();
    dialog.scrollTop = 0;
    close.focus();
}

function openRow(i) {
    const row = data.details[i], note = word('note', i), content = [];
    const about = Object.keys(words).filter((key) => key !== 'note' && word(key, i));

    content.push(make('p', about.map((key) =>
        (key === 'fused' ? 'fused into ' : '') + word(key, i)).join(' · ')));
    if (note)
        content.push(make('p', 'Not measured: ' + note));
    for (const [what, text] of row && row.about || [])
        content.push(make('p', [make('b', what), ': ' + text], {class: 'about'}));
    if (row && row.h)
        addHistogram(content, row.h);
    if (row && row.v)
        addValues(content, row.v);
    else
        addColumns(content, i);
    if (row)
        addLists(content, row);
    else
        content.push(make('p', 'The page has more of the worst ' +
            show(Object.keys(data.details).length) + ' rows; the JSON report has it of all.'));
    openDialog(nameOf(i), content);
}

/* ---- experts ---- */

const most = 20; /* of the worst that are listed */

/* Those rows of one layer, the worst in a column first. */
function openRows(title, rows, column) {
    const {value, form, title: heading} = columns[column];
    const sign = lowIsBad[form] ? 1 : -1;
    const list = rows.filter((i) => !Number.isNaN(value[i]))
        .sort((a, b) => (value[a] === value[b] ? a - b : sign * (value[a] < value[b] ? -1 : 1)));
    const lines = list.slice(0, most).map(function (i) {
        const button = make('button', nameOf(i), {type: 'button', class: 'plain'});

        button.addEventListener('click', () => openRow(i));
        return {cells: [button, shown(form, value[i])]};
    });

    openDialog(title, [
        make('p', show(rows.length) + ' weights'),
        grid(['', 'Worst', 'Mean'], columns.map(function (c, n) {
            const {worst, mean} = summary(n, rows);

            return {cells: [[c.group, c.title].filter(Boolean).join(' '), shown(c.form, worst),
                shownMean(c.form, mean)], mine: n === column, none: !c.title || Number.isNaN(worst)};
        }).filter((line) => !line.none)),
        make('h3', list.length > most ? 'The worst ' + most : 'From the worst on'),
        grid(['Weight', heading || ''], lines)]);
}

dialog.addEventListener('click', function (event) {
    if (event.target === dialog && event.clientX < dialog.getBoundingClientRect().left)
        dialog.close();
});
