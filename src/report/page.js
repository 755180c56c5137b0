/*
 * page.js - what a page can do beyond being read: views of the map, order, search, details.
 *
 * All numbers come from the tables, or from the JSON block: for q8-inspect page_data.c writes and
 * describes it; for q8-verify page_layers.c, {"rows": [row]}, whose details are the table's columns and
 *
 *   "about"  [what, text] each: findings
 *   "pairs"  [title, [[name, value], ...]] each
 *   "lists"  [title, [heading, ...], [[value, ...], ...]] each
 *
 * Text is set with textContent only: names come from files.
 */
(function () {
    'use strict';
    const get = (id) => document.getElementById(id);
    const data = JSON.parse(get('data').textContent);
    const table = get('rows');
    const body = table.tBodies[0];
    const rows = Array.from(body.rows); /* in the order of data.rows */
    const map = get('map');
    const dialog = get('details');
    const svgNamespace = 'http://www.w3.org/2000/svg';

    /* An element with text or children, and attributes. */
    function make(name, content, attributes) {
        const e = document.createElement(name);

        for (const key in attributes || {})
            e.setAttribute(key, attributes[key]);
        for (const child of [].concat(content === undefined ? [] : content))
            e.append(child); /* a string becomes a text node */
        return e;
    }

    function show(value) {
        if (value === null || value === undefined)
            return '–';
        if (typeof value === 'string') /* an infinity */
            return value;
        if (Number.isInteger(value))
            return String(value).replace(/\B(?=(\d{3})+$)/g, '\u2009');
        if (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)
            return value.toExponential(3).replace('e+', 'e');
        return String(Number(value.toPrecision(4)));
    }

    const percent = (share) => (share === null ? '–' : show(100 * share) + ' %');
    const decibel = (x) => (typeof x === 'number' ? x.toFixed(2) : show(x));
    const forms = {decibel, percent};

    function power(e) {
        return '2' + String(e).replace(/./g, (c) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(c)]);
    }

    /* ---- sections ---- */

    const nav = document.querySelector('nav');
    for (const section of document.querySelectorAll('main > section'))
        nav.append(make('a', section.querySelector('h2').textContent, {href: '#' + section.id}));
    nav.hidden = false;

    /* ---- order ---- */

    const names = new Intl.Collator('en', {numeric: true});

    /* A number, the product of a shape, or text; undefined for a dash, which goes last. */
    function key(cell) {
        const text = cell.textContent.trim();

        if (text === '–')
            return undefined;
        if (cell.cellIndex < 2)
            return text;
        if (text[0] === '[')
            return (text.match(/\d+/g) || []).reduce((a, b) => a * Number(b), 1);
        return text.endsWith('∞') ? (text === '∞' ? 1 : -1) * Infinity : parseFloat(text);
    }

    function compare(a, b) {
        return typeof a === 'string' ? names.compare(a, b) : a < b ? -1 : Number(a > b);
    }

    function sort(column, sign) {
        const list = rows.map((row, i) => ({row, i, key: key(row.cells[column])}));

        list.sort(function (a, b) {
            if (a.key === undefined || b.key === undefined)
                return (a.key === undefined) - (b.key === undefined) || a.i - b.i;
            return sign * compare(a.key, b.key) || a.i - b.i;
        });
        body.append(...list.map((x) => x.row));
    }

    Array.from(table.tHead.rows[0].cells).forEach(function (th, column) {
        const button = make('button', Array.from(th.childNodes), {type: 'button'});

        th.append(button);
        button.addEventListener('click', function () {
            const up = th.getAttribute('aria-sort') !== 'ascending';

            for (const other of table.tHead.rows[0].cells)
                other.removeAttribute('aria-sort');
            th.setAttribute('aria-sort', up ? 'ascending' : 'descending');
            sort(column, up ? 1 : -1);
        });
    });

    sort(0, 1); /* layer 2 before layer 10 */

    /* ---- search ---- */

    const form = document.querySelector('.find');
    const lower = rows.map((row) => row.cells[0].textContent.toLowerCase());

    function search() {
        const words = get('find').value.toLowerCase().split(/\s+/).filter(Boolean);
        let found = 0;

        rows.forEach(function (row, i) {
            row.hidden = !words.every((word) => lower[i].includes(word)) ||
                (get('low') && get('low').checked && !row.classList.contains('low'));
            found += !row.hidden;
        });
        get('found').textContent = found + ' of ' + rows.length;
    }

    form.addEventListener('input', search);
    form.addEventListener('submit', (event) => event.preventDefault());
    form.hidden = false;
    search(); /* a browser may bring back what was in the fields */

    /* ---- details ---- */

    /* A table; the first cell of a line heads it, a line with one more cell has words in it. */
    function grid(heads, lines) {
        const head = make('tr', heads.map((text) => make('th', text, {scope: 'col'})));
        const tbody = lines.map(function (line) {
            const cells = line.cells.map((text, i) =>
                make(i ? 'td' : 'th', text, i ? {} : {scope: 'row'}));
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

    function addHistogram(parts, h) {
        const lines = h.slice(1).map((n, i) => ({cells: [power(h[0] + i), show(n)]}));

        if (!lines.length)
            return;
        parts.push(make('h3', 'Elements by magnitude'), histogram(h[0], h.slice(1)),
            make('p', 'A bar at 2ⁿ counts 2ⁿ ≤ |x| < 2ⁿ⁺¹; the height goes by its logarithm.'),
            make('details', [make('summary', 'As a table'), grid(['|x| from', 'Elements'], lines)]));
    }

    /* Neighbours of one title share a line; what a weight does not have is left out. */
    function addValues(parts, values) {
        const sections = [];

        data.columns.forEach(function ([group, title, form], i) {
            if (values[i] === null)
                return;
            const section = sections[sections.length - 1];
            const line = section && section.list[section.list.length - 1];
            const text = (forms[form] || show)(values[i]);

            if (!section || section.group !== group)
                sections.push({group, list: [[title, text]]});
            else if (line[0] === title)
                line[1] += ' / ' + text;
            else
                section.list.push([title, text]);
        });
        for (const {group, list} of sections)
            parts.push(...(group ? [make('h3', group)] : []), pairs(list));
    }

    function addLists(parts, row) {
        if (row.c)
            parts.push(make('h3', 'What each scheme costs'), grid(
                ['Scheme', 'SQNR, dB', 'Mean sq. error', 'Largest error', 'In worst 1 % of rows'],
                row.c.map((c, i) => typeof c === 'string' ?
                    {cells: [data.schemes[i]], words: c} :
                    {cells: [data.schemes[i], decibel(c[0]), show(c[1]), show(c[2]),
                        percent(c[3])], mine: i === data.mine})));
        if (row.k)
            parts.push(make('h3', 'Outlier columns'), grid(
                ['Column', 'RMS', 'Absmax', 'Deviations', 'Rows it leads'],
                row.k.map((k) => ({cells: [String(k[0]), show(k[1]), show(k[2]), show(k[3]),
                    percent(k[4])]}))));
        if (row.r && row.r.length)
            parts.push(make('h3', 'Rows with the largest magnitudes'), grid(
                ['Row', 'Absmax', 'Crest'],
                row.r.map((r) => ({cells: [String(r[0]), show(r[1]), show(r[2])]}))));
    }

    /* A page without numbers of its own for the details has them in the columns of its table. */
    function addColumns(parts, cells) {
        const heads = Array.from(table.tHead.rows[0].cells);

        parts.push(pairs(heads.slice(3).map((th, i) =>
            [th.textContent, cells[i + 3].textContent])));
    }

    function addParts(parts, row) {
        for (const [title, list] of row.pairs || [])
            parts.push(make('h3', title), pairs(list.map(([name, x]) => [name, show(x)])));
        for (const [title, heads, lines] of row.lists || [])
            parts.push(make('h3', title), grid(heads, lines.map((x) => ({cells: x.map(show)}))));
    }

    function open(i) {
        const cells = rows[i].cells, row = data.rows[i], parts = [];
        const close = make('button', 'Close', {type: 'button', class: 'close'});
        const note = cells[0].querySelector('small');

        close.addEventListener('click', () => dialog.close());
        parts.push(make('h2', cells[0].querySelector('button').textContent, {id: 'details-title'}),
            make('p', [cells[1].textContent, cells[2].textContent].concat(
                data.kinds ? data.kinds[row.kind] : [],
                row.g ? 'fused into ' + row.g : []).join(' · ')), close);
        if (note)
            parts.push(make('p', 'Not measured: ' + note.textContent));
        for (const [what, text] of row.about || [])
            parts.push(make('p', [make('b', what), ': ' + text], {class: 'about'}));
        if (row.h)
            addHistogram(parts, row.h);
        if (row.v)
            addValues(parts, row.v);
        if (!data.columns)
            addColumns(parts, cells);
        addLists(parts, row);
        addParts(parts, row);
        dialog.replaceChildren(...parts);
        dialog.showModal();
        dialog.scrollTop = 0;
        close.focus();
    }

    dialog.addEventListener('click', function (event) {
        if (event.target === dialog && event.clientX < dialog.getBoundingClientRect().left)
            dialog.close();
    });
    rows.forEach(function (row, i) {
        const th = row.cells[0];
        const name = Array.from(th.childNodes).filter((node) => node.nodeName !== 'SMALL');

        th.prepend(make('button', name, {type: 'button', 'aria-haspopup': 'dialog'}));
        row.addEventListener('click', () => open(i));
    });

    /* ---- the map ---- */

    if (!map)
        return;
    const cells = Array.from(map.querySelectorAll('td[data-i]'));
    const views = Array.from(document.querySelectorAll('.views input'));
    const legends = document.querySelectorAll('#layers .legend');
    const heads = Array.from(map.tHead.rows[0].cells, (th) => th.textContent);

    function look(v) {
        const title = views[v].parentNode.textContent;

        map.dataset.view = views[v].value;
        legends.forEach((legend, i) => { legend.hidden = i !== v; });
        for (const td of cells) {
            const step = td.dataset.h[v];
            const text = td.dataset.v.split('|')[v];
            const place = 'layer ' + td.parentNode.cells[0].textContent + ', ' +
                heads[td.cellIndex] + ': ' + title + ' ' + text;

            td.className = td.className.replace(/\bh\d\b/, '').trim() +
                (step === '-' ? '' : ' h' + step);
            td.textContent = text;
            td.title = place;
            td.setAttribute('aria-label', place);
        }
    }

    views.forEach((input, v) => input.addEventListener('change', () => look(v)));
    document.querySelector('.views').hidden = false;
    look(Math.max(0, views.findIndex((input) => input.checked)));

    /* One stop of the tab key; arrows walk from there, as in any grid. */
    function stop(td) {
        const old = map.querySelector('td[tabindex="0"]');

        if (old)
            old.tabIndex = -1;
        td.tabIndex = 0;
    }

    function next(td, right, down) {
        const lines = map.tBodies[0].rows;
        let x = td.cellIndex, y = td.parentNode.sectionRowIndex;

        do {
            x += right;
            y += down;
            td = lines[y] && lines[y].cells[x];
        } while (td && td.matches('td:not([data-i])'));
        return td && td.matches('td') ? td : null;
    }

    for (const td of cells)
        td.tabIndex = -1;
    if (cells.length)
        stop(cells[0]);
    map.setAttribute('role', 'grid');
    map.addEventListener('click', function (event) {
        const td = event.target.closest('td[data-i]');

        if (!td)
            return;
        stop(td);
        open(Number(td.dataset.i));
    });
    map.addEventListener('keydown', function (event) {
        const move = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
        const td = event.target.closest('td[data-i]');

        if (!td)
            return;
        if (event.key === 'Enter' || event.key === ' ') {
            open(Number(td.dataset.i));
        } else if (move[event.key]) {
            const to = next(td, ...move[event.key]);

            if (to) {
                stop(to);
                to.focus();
            }
        } else {
            return;
        }
        event.preventDefault();
    });
})();
