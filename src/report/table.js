/* table.js - the table of rows: order, search, groups of experts */
const table = get('rows');
const box = table.closest('.box');
const collator = new Intl.Collator('en', {numeric: true});
const heads = [{title: 'Name', width: 0}, ...['type', 'shape'].map(wordHead),
    ...columns.map((c, column) => ({...c, column})).filter((c) => c.title)];
const state = {head: 0, sign: 1, open: new Set(), items: []};
const single = get('single'), low = get('low');
const filter = data.marks.findIndex((mark) => ['low', 'fails'].includes(mark.id));
let lower = null; /* names to search in, from the first search on */

/* An item of the list is a row, or a group below zero. */
const rowsOf = (item) => (item < 0 ? groups[~item].rows : [item]);
const place = (item) => (item < 0 ? groups[~item].rows[0] : item);

/* Ranks of the words of a column; shapes go by their product. */
function wordHead(key) {
    const text = words[key].text;
    const size = (s) => (s.match(/\d+/g) || []).reduce((a, b) => a * Number(b), 1);
    const order = text.map((s, i) => i).sort((a, b) =>
        (key === 'shape' ? size(text[a]) - size(text[b]) : 0) || collator.compare(text[a], text[b]));
    const rank = [];

    order.forEach((t, i) => { rank[t] = i; });
    return {title: key[0].toUpperCase() + key.slice(1), key, rank,
        width: Math.max(6, ...text.map((s) => Math.min(s.length, 24)))};
}

/* The word that all rows share. */
function shared(key, rows) {
    const of = words[key].of;

    return rows.every((i) => of[i] === of[rows[0]]) ? of[rows[0]] : NaN;
}

/* What an item is sorted by; NaN: it has nothing, and goes last. */
function sortKey(head, item) {
    if (head.key) {
        const rank = head.rank[item < 0 ? shared(head.key, rowsOf(item)) : words[head.key].of[item]];

        return rank === undefined ? NaN : rank;
    }
    if (head.column === undefined)
        return place(item);
    return item < 0 ? summary(head.column, rowsOf(item)).worst : head.value[item];
}

function sorted(items) {
    const head = heads[state.head], sign = state.sign;
    const key = Float64Array.from(items, (item) => sortKey(head, item));

    return Array.from(Uint32Array.from(items, (item, i) => i).sort(function (a, b) {
        const x = key[a], y = key[b];

        if (x === y)
            return place(items[a]) - place(items[b]);
        if (x !== x || y !== y) /* NaN */
            return Number(x !== x) - Number(y !== y) || place(items[a]) - place(items[b]);
        return x < y ? -sign : sign;
    }), (i) => items[i]);
}

/* Those that the search and the boxes leave. */
function found(terms) {
    const items = [];

    lower = lower || (terms.length ? Array.from(pattern, (p, i) => nameOf(i).toLowerCase()) : null);
    for (let i = 0; i < data.rows; i++)
        if (terms.every((term) => lower[i].includes(term)) && !(low && low.checked && !(marked[i] >> filter & 1)))
            items.push(i);
    return items;
}

/* Experts are together, unless somebody looks for single ones. */
function arrange() {
    const terms = get('find').value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = found(terms);

    get('found').textContent = rows.length + ' of ' + data.rows;
    state.flat = terms.length > 0 || Boolean(low && low.checked) || single.checked;
    if (state.flat) {
        state.items = sorted(rows);
    } else {
        const top = rows.filter((i) => groupOf[i] < 0).concat(groups.map((group, g) => ~g));

        state.items = sorted(top).flatMap((item) =>
            (item < 0 && state.open.has(~item) ? [item, ...sorted(rowsOf(item))] : [item]));
    }
    table.setAttribute('aria-rowcount', state.items.length + 1);
    list.reset(state.items.length);
}

/* ---- what is drawn ---- */

function nameCell(item, group) {
    const name = make('button', breakable(group ? group.name : nameOf(item)),
        {type: 'button', class: 'walk', tabindex: -1});
    const note = group ? group.rows.length + ' weights' : word('note', item);
    const th = make('th', make('div', note ? [name, make('small', note)] : name), {scope: 'row'});

    if (group)
        name.setAttribute('aria-expanded', state.open.has(~item));
    else
        name.setAttribute('aria-haspopup', 'dialog');
    th.title = name.textContent + (note ? ': ' + note : '');
    return th;
}

function cell(head, item, group) {
    if (head.key) {
        const text = group ? words[head.key].text[shared(head.key, group.rows)] || 'several' :
            word(head.key, item);

        return make('td', text, {class: 't'});
    }
    if (!group)
        return make('td', shown(head.form, head.value[item]));
    const {worst, mean} = summary(head.column, group.rows);

    return make('td', worst === mean || Number.isNaN(worst) ? shown(head.form, worst) :
        [shown(head.form, worst), ' ', make('small', shownMean(head.form, mean))]);
}

function drawRow(i) {
    const item = state.items[i], group = item < 0 ? groups[~item] : null;
    const tr = make('tr', [nameCell(item, group),
        ...heads.slice(1).map((head) => cell(head, item, group))], {'aria-rowindex': i + 2});
    const member = !group && !state.flat && groupOf[item] >= 0;

    tr.classList.add(...marksOf(rowsOf(item)), ...(group ? ['group'] : member ? ['member'] : []));
    if (groups.length)
        tr.setAttribute('aria-level', member ? 2 : 1);
    if (group)
        tr.setAttribute('aria-expanded', state.open.has(~item));
    return tr;
}

/* Letters that the numbers of a column take: widths must not change as rows come and go. */
function letters({form, value}) {
    let least = Infinity, most = -Infinity;

    if (form === 'plain' || form === 'percent')
        return 7;
    for (const x of value) {
        least = x < least ? x : least;
        most = x > most ? x : most;
    }
    return Math.max(shown(form, least).length, shown(form, most).length);
}

function drawHead() {
    const cols = heads.map(function (head, h) {
        const button = make('button', head.group ? [make('small', head.group), ' ', head.title] :
            head.title, {type: 'button'});
        const numeric = head.column !== undefined, mine = numeric && head.column === data.mine;
        const th = make('th', button, {scope: 'col'});
        const word = Math.max(...head.title.split(' ').map((s) => s.length)) + 3;
        const both = groups.length ? 1.8 : 1; /* the worst and the mean */

        th.className = numeric ? mine ? 'n mine' : 'n' : '';
        if (head.help)
            th.title = head.help;
        button.addEventListener('click', () => order(h));
        table.tHead.rows[0].append(th);
        head.width = Math.max(word, numeric ? Math.ceil(both * letters(head)) : head.width) + 3;
        return make('col');
    });

    table.querySelector('caption').after(make('colgroup', cols));
    cols.forEach((col, c) => { if (c) col.style.width = heads[c].width + 'ch'; });
    table.tHead.rows[0].cells[0].setAttribute('aria-sort', 'ascending');
}

/* Names get as many lines as the longest needs, up to three, in what the numbers leave. */
function fit() {
    let longest = 0;

    for (let i = 0; i < data.rows; i++)
        longest = Math.max(longest, parts[pattern[i]].reduce((n, part) => n + part.length + 3, -3));
    const name = Math.min(longest + 3, window.innerWidth < 400 ? 20 : window.innerWidth < 640 ? 26 : 44);
    const rest = heads.reduce((sum, head) => sum + head.width, 0);

    table.style.setProperty('--name', name + 'ch');
    table.style.minWidth = 'calc(' + (rest - heads[0].width) + 'ch + var(--name) * .95)';
    const width = table.tHead.rows[0].cells[0].getBoundingClientRect().width;
    const letter = window.innerWidth < 640 ? 7.3 : 7.9; /* of the monospaced font, in pixels */

    table.style.setProperty('--lines', Math.min(3, Math.ceil(longest * letter / (width - 24))));
}

function order(h) {
    const th = table.tHead.rows[0].cells;

    state.sign = state.head === h ? -state.sign : 1;
    state.head = h;
    for (const other of th)
        other.removeAttribute('aria-sort');
    th[h].setAttribute('aria-sort', state.sign > 0 ? 'ascending' : 'descending');
    arrange();
}

function choose(i) {
    const item = state.items[i];

    if (item >= 0)
        return openRow(item);
    if (!state.open.delete(~item))
        state.open.add(~item);
    arrange();
    list.go(i, 0);
}

function walk(event) {
    const at = list.at(event), item = at && state.items[at.i];
    const open = at && item < 0 && state.open.has(~item);

    if (!at || event.altKey || event.ctrlKey || event.metaKey)
        return;
    if (list.steps(event.key))
        list.go(Math.max(0, Math.min(list.count() - 1, at.i + list.steps(event.key))), 0);
    else if (item < 0 && event.key === (open ? 'ArrowLeft' : 'ArrowRight'))
        choose(at.i);
    else if (event.key === 'ArrowLeft' && !state.flat && groupOf[item] >= 0)
        list.go(state.items.indexOf(~groupOf[item]), 0);
    else
        return;
    event.preventDefault();
}

const list = makeList(box, table, drawRow);

function startTable() {
    const form = document.querySelector('.find');

    box.hidden = false;
    form.hidden = false;
    single.parentNode.hidden = !groups.length;
    table.setAttribute('role', groups.length ? 'treegrid' : 'grid');
    if (groups.length)
        table.caption.append(' Experts of a layer are one row, of the worst and, small, the mean of' +
            ' their numbers; it opens.');
    drawHead();
    fit();
    arrange(); /* a browser may bring back what was in the fields */
    form.addEventListener('input', arrange);
    form.addEventListener('submit', (event) => event.preventDefault());
    table.tBodies[0].addEventListener('click', function (event) {
        const at = list.at(event);

        if (at)
            choose(at.i);
    });
    table.tBodies[0].addEventListener('keydown', walk);
    window.addEventListener('resize', fit);
    printList(list, get('cut'));
}
