/*
 * data.js - what a page knows of its rows, as src/report/rows_data.h describes it
 *
 * The script of a page is data.js, details.js, list.js, table.js, map.js and page.js, in this order,
 * in one module.  Text is set as text only: names come from files.
 */
const get = (id) => document.getElementById(id);
const data = JSON.parse(get('data').textContent);
const dash = '–';

/* An element with text or children, and attributes. */
function make(name, content, attributes) {
    const e = document.createElement(name);

    for (const key in attributes || {})
        e.setAttribute(key, attributes[key]);
    for (const child of [].concat(content === undefined ? [] : content))
        e.append(child); /* a string becomes a text node */
    return e;
}

/* A path may break behind its joints. */
function breakable(path) {
    return path.split(/(?<=[._])/).flatMap((part) => [part, make('wbr')]);
}

/* Fills the list with runs: [value, n] stands for n times the value. */
function expand(runs, list, convert) {
    let i = 0;

    for (const run of runs) {
        const many = Array.isArray(run), end = i + (many ? run[1] : 1);

        list.fill(convert(many ? run[0] : run), i, end);
        i = end;
    }
    return list;
}

/* An infinity is a string, null is no number. */
function number(x) {
    if (typeof x === 'string')
        return x === '∞' ? Infinity : -Infinity;
    return x === null ? NaN : x;
}

/* ---- numbers ---- */

function plain(x) {
    const small = x !== 0 && Math.abs(x) < 1e-4;

    return x === 0 ? '0' : (small ? x.toExponential(2) : x.toPrecision(3)).replace('e+', 'e');
}

/* Enough digits that what is there is not shown as 0. */
function percent(share) {
    const x = 100 * share;

    if (x > 0 && x < 0.095)
        return Number(x.toPrecision(1)) + ' %';
    return x.toFixed(x > 0 && x < 9.95 ? 1 : 0) + ' %';
}

const forms = {
    decibel: (x) => x.toFixed(2), bits: (x) => x.toFixed(2), cosine: (x) => x.toFixed(6),
    count: (x) => (Math.abs(x) < 1e15 ? x.toFixed(0) : plain(x)), percent, plain
};
const lowIsBad = {decibel: true, bits: true, cosine: true};

function shown(form, x) {
    if (Number.isFinite(x))
        return forms[form](x);
    return Number.isNaN(x) ? dash : x > 0 ? '∞' : '−∞';
}

/* The mean of counts is none. */
const shownMean = (form, x) => shown(form === 'count' ? 'plain' : form, x);

/* ---- rows ---- */

const columns = data.columns.map((c) =>
    ({...c, value: expand(c.value, new Float64Array(data.rows), number)}));
const parts = data.names.parts;
const pattern = expand(data.names.of, new Uint32Array(data.rows), Number);
const numbers = data.names.numbers.map((runs) =>
    expand(runs, new Float64Array(data.rows), number));
const marked = expand(data.marked, new Uint8Array(data.rows), Number);
const words = {};

for (const key in data.words)
    words[key] = {text: data.words[key].text,
        of: expand(data.words[key].of, new Float64Array(data.rows), number)};

function nameOf(i) {
    const part = parts[pattern[i]];
    let name = part[0];

    for (let n = 1; n < part.length; n++)
        name += numbers[n - 1][i] + part[n];
    return name;
}

/* Undefined: the row has none. */
const word = (key, i) => words[key].text[words[key].of[i]];

/* Classes of what a row, or one of several, is marked with. */
function marksOf(rows) {
    const bits = rows.reduce((all, i) => all | marked[i], 0);

    return data.marks.filter((mark, m) => bits >> m & 1).map((mark) => mark.id);
}

/* ---- experts ---- */

/* The second number of a name counts experts, where the word before it says so. */
const counted = parts.map((part) => part.length > 2 && /experts?\.$/i.test(part[1]));
const groups = findGroups(); /* of the experts of one layer: {name, rows} */
const groupOf = new Int32Array(data.rows).fill(-1);

groups.forEach((group, g) => group.rows.forEach((i) => { groupOf[i] = g; }));

function findGroups() {
    const found = new Map();
    let last = -1, group = null; /* of the row before, as most rows are */

    for (let i = 0; i < data.rows; i++) {
        const part = parts[pattern[i]];

        if (!counted[pattern[i]])
            continue;
        if (last < 0 || numbers[0][i] !== numbers[0][last] || part[0] !== parts[pattern[last]][0] ||
            part[1] !== parts[pattern[last]][1]) {
            const name = part[0] + numbers[0][i] + part[1].slice(0, -1);

            if (!found.has(name))
                found.set(name, {name, rows: []});
            group = found.get(name);
        }
        group.rows.push(i);
        last = i;
    }
    return [...found.values()].filter((one) => one.rows.length > 1);
}

/* The worst and the mean of those that have a number. */
function summary(column, rows) {
    const {value, form} = columns[column];
    let worst = NaN, sum = 0, n = 0;

    for (const i of rows) {
        const x = value[i];

        if (Number.isNaN(x))
            continue;
        if (!(lowIsBad[form] ? worst <= x : worst >= x))
            worst = x;
        sum += x;
        n++;
    }
    return {worst, mean: sum / n};
}
