/* list.js - a long table, of which the rows that are seen are drawn */
const spare = 12; /* rows that are drawn above and below, for a quick hand */

/*
 * `row(i)` makes the <tr> of row i; all are of one height.  What is of class "walk" can have the
 * focus: one is a stop of the tab key, and keys walk from it to the others.
 */
function makeList(box, table, row) {
    const body = table.tBodies[0], drawn = new Map();
    const [above, below] = [0, 0].map(() =>
        make('tr', make('td'), {class: 'space', 'aria-hidden': 'true'}));
    let count = 0, height = 32, current = 0;

    function place(first, end) {
        let next = below;

        for (const [i, tr] of drawn)
            if (i < first || i >= end) {
                tr.remove();
                drawn.delete(i);
            }
        for (let i = end - 1; i >= first; i--) {
            if (!drawn.has(i)) {
                drawn.set(i, row(i));
                body.insertBefore(drawn.get(i), next);
            }
            next = drawn.get(i);
        }
        above.firstChild.style.height = first * height + 'px';
        below.firstChild.style.height = (count - end) * height + 'px';
        above.hidden = first === 0;
        below.hidden = end === count;
    }

    /* The stop is where it was, or among what is seen. */
    function stop() {
        const tr = drawn.get(current) || drawn.get(Math.min(count - 1, seen().first + spare));
        const old = body.querySelector('.walk[tabindex="0"]');
        const walks = tr ? [...tr.querySelectorAll('.walk')] : [];

        if (!walks.includes(old) && walks.length) {
            if (old)
                old.tabIndex = -1;
            walks[0].tabIndex = 0;
        }
    }

    function seen() {
        const first = Math.max(0, Math.floor(box.scrollTop / height) - spare);
        const end = Math.min(count, first + Math.ceil(window.innerHeight / height) + 2 * spare);

        return {first: Math.min(first, end), end};
    }

    function refresh() {
        const {first, end} = seen();

        place(first, end);
        stop();
    }

    /* Rows may have changed in number, kind and height. */
    function reset(rows) {
        for (const tr of drawn.values())
            tr.remove();
        drawn.clear();
        for (const tr of [above, below])
            tr.firstChild.colSpan = table.tHead.rows[0].cells.length;
        count = rows;
        current = Math.min(current, Math.max(0, rows - 1));
        refresh();
        if (count) {
            height = drawn.values().next().value.getBoundingClientRect().height || height;
            refresh();
        }
    }

    function show(i) {
        const head = table.tHead.offsetHeight, lead = body.offsetTop - head, top = lead + i * height;
        const room = box.clientHeight - head - height;

        if (top < box.scrollTop)
            box.scrollTop = i ? top : 0;
        else if (top > box.scrollTop + room)
            box.scrollTop = top - room;
        refresh();
    }

    /* Walks to cell n of row i; 'nothing' where there is nothing to walk to. */
    function go(i, n) {
        show(i);
        const cell = drawn.get(i).cells[n], old = body.querySelector('.walk[tabindex="0"]');
        const walk = cell && (cell.matches('.walk') ? cell : cell.querySelector('.walk'));

        if (!walk)
            return cell ? 'nothing' : 'outside';
        current = i;
        if (old)
            old.tabIndex = -1;
        walk.tabIndex = 0;
        walk.focus({preventScroll: true});
        return 'there';
    }

    /* What a click or a key was at: row i, cell n. */
    function at(event) {
        const row = event.target.closest('tbody tr'), cell = event.target.closest('td, th');
        const i = [...drawn].find(([, tr]) => tr === row);

        return i && {i: i[0], n: cell ? cell.cellIndex : 0};
    }

    /* Rows up or down that a key means. */
    function steps(key) {
        const page = Math.max(1, Math.floor(box.clientHeight / height) - 2);

        return {ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -count,
            End: count}[key] || 0;
    }

    body.append(above, below);
    box.addEventListener('scroll', refresh);
    window.addEventListener('resize', () => reset(count));
    return {reset, go, at, steps, place, count: () => count};
}

/* On paper there is no scrolling: the first rows, as they are. */
const onPaper = 500;

function printList(list, cut) {
    window.addEventListener('beforeprint', function () {
        list.place(0, Math.min(onPaper, list.count()));
        if (cut && list.count() > onPaper) {
            cut.textContent = 'And ' + (list.count() - onPaper) + ' rows more.';
            cut.hidden = false;
        }
    });
    window.addEventListener('afterprint', function () {
        if (cut)
            cut.hidden = true;
        list.reset(list.count());
    });
}
