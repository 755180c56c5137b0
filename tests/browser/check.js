/*
 * check.js - what a user would try, on a copy of the page; page.sh puts it in
 *
 * The verdict goes to the frame around: "ok", or the first thing that is wrong.
 */
(function () {
    'use strict';
    const root = document.documentElement;
    const all = (selector) => Array.from(document.querySelectorAll(selector));
    const one = (selector) => document.querySelector(selector);
    const visible = (e) => e.getClientRects().length > 0;

    function want(condition, words) {
        if (!condition)
            throw new Error(words);
    }

    const drawn = () => all('#rows tbody tr:not(.space)');
    const nameOf = (row) => row.cells[0].querySelector('button').textContent;
    const box = one('.box.rows');
    const data = JSON.parse(document.getElementById('data').textContent);

    /* Every row of a list that draws what is seen, made of what `read` finds in each. */
    async function scroll(scrolled, table, read) {
        const found = new Map();

        for (let top = 0; ; top += scrolled.clientHeight / 2) {
            scrolled.scrollTop = top;
            scrolled.dispatchEvent(new Event('scroll'));
            for (const row of table.tBodies[0].querySelectorAll('tr:not(.space)'))
                found.set(Number(row.getAttribute('aria-rowindex')), read(row));
            if (top > scrolled.scrollHeight)
                break;
        }
        scrolled.scrollTop = 0;
        scrolled.dispatchEvent(new Event('scroll'));
        return [...found].sort((a, b) => a[0] - b[0]).map((x) => x[1]);
    }

    async function map() {
        const table = one('#map');

        if (!table)
            return '';
        const roles = table.tHead.rows[0].cells.length - 1;
        const lines = await scroll(one('.box.map'), table, function (row) {
            want(row.cells.length === roles + 1, 'a line of the map has not all roles');
            for (const td of row.querySelectorAll('td.walk'))
                want(td.textContent && td.title && td.getAttribute('aria-label'),
                    'a cell has no number, title or label');
            return row.cells[0].textContent;
        });

        want(table.caption.textContent.startsWith(lines.length + ' layer'),
            lines.length + ' lines drawn, but ' + table.caption.textContent);
        want(lines.every((x, i) => i === 0 || order(lines[i - 1], x) < 0), 'layers do not ascend');
        return lines.length + 'x' + roles;
    }

    function views() {
        const inputs = all('.views input');
        const texts = () => all('#map td').map((td) => td.textContent).join();

        for (const input of inputs) {
            input.click();
            want(one('#map').dataset.view === input.value, 'no view ' + input.value);
            want(all('#layers .legend').filter(visible).length === 1, 'not one legend');
            want(all('#map thead th').length > 1, 'a view has no role');
            for (let c = 1; c < one('#map thead tr').cells.length; c++)
                want(all('#map tbody tr:not(.space)').some((row) => row.cells[c].textContent !== '–') ||
                    box.scrollHeight > box.clientHeight, 'a role is empty');
        }
        if (inputs.length > 1) {
            const last = texts();
            inputs[0].click();
            want(texts() !== last, 'views are alike');
        }
    }

    const order = new Intl.Collator('en', {numeric: true}).compare;

    /* Reads numbers as the page shows them: of a group, its worst. */
    function value(cell) {
        const text = cell.firstChild ? cell.firstChild.textContent : '';

        return text === '–' || text === '∞' ? Infinity : text.endsWith('∞') ? -Infinity :
            parseFloat(text);
    }

    async function sorting() {
        const button = one('#rows thead button'), th = button.parentNode;
        const before = await scroll(box, one('#rows'), nameOf);

        want(before.length === Number(one('#rows').getAttribute('aria-rowcount')) - 1,
            before.length + ' rows drawn, but ' + one('#rows').getAttribute('aria-rowcount'));
        want(new Set(before).size === before.length, 'a name is there twice');
        want(before.every((x, i) => !i || natural(before[i - 1], x) <= 0), 'names do not ascend');
        button.click(); /* it came ascending */
        want(th.getAttribute('aria-sort') === 'descending', 'aria-sort is not descending');
        want((await scroll(box, one('#rows'), nameOf)).reverse().join() === before.join(),
            'names do not descend');
        button.click();
        want(th.getAttribute('aria-sort') === 'ascending', 'aria-sort is not ascending');
        for (const [column, head] of all('#rows thead button').entries()) {
            if (column < 3)
                continue;
            head.click();
            const list = await scroll(box, one('#rows'), (row) => value(row.cells[column]));
            want(list.every((x, i) => !i || list[i - 1] <= x),
                'column ' + head.textContent + ' does not ascend');
        }
        button.click();
        want(all('#rows [aria-sort]').length === 1, 'more than one column has aria-sort');
    }

    /* Numbers by value, the rest by its code points: what the page must come sorted by. */
    function natural(a, b) {
        const [x, y] = [a, b].map((s) => s.match(/\d+|\D/gu) || []);

        for (let i = 0; i < Math.min(x.length, y.length); i++) {
            const both = /\d/.test(x[i]) && /\d/.test(y[i]);

            if (both && Number(x[i]) !== Number(y[i]))
                return Number(x[i]) - Number(y[i]);
            if (!both && x[i] !== y[i])
                return x[i] < y[i] ? -1 : 1;
        }
        return x.length - y.length;
    }

    function searching() {
        const input = one('#find'), rows = drawn(), word = nameOf(rows[rows.length >> 1]);
        const count = () => Number(one('#found').textContent.split(' ')[0]);

        function type(text) {
            input.value = text;
            input.dispatchEvent(new Event('input', {bubbles: true}));
            return count();
        }

        const left = type(word);
        want(left >= 1 && left <= data.rows, word + ' finds ' + left + ' of ' + data.rows);
        want(drawn().every((row) => nameOf(row).includes(word)), 'what is found has not the word');
        want(one('#found').getAttribute('aria-live') === 'polite', 'the count is not announced');
        want(type('no such tensor') === 0 && drawn().length === 0, 'nonsense is found');
        want(type('') === data.rows, 'not all come back');
    }

    /* Experts of a layer are one row, which opens; single ones are all rows of the page. */
    async function experts() {
        const group = one('#rows .group');

        if (!group)
            return '';
        const closed = Number(one('#rows').getAttribute('aria-rowcount'));
        const name = nameOf(group), members = parseInt(group.querySelector('small').textContent, 10);

        group.querySelector('button').click();
        want(one('#rows .group').getAttribute('aria-expanded') === 'true', 'a group does not open');
        want(Number(one('#rows').getAttribute('aria-rowcount')) === closed + members,
            name + ' opens to another number than ' + members);
        want(one('#rows .member') && nameOf(one('#rows .member')).startsWith(name + '.'),
            'no expert below its group');
        one('#rows .group button').click();
        want(!one('#rows .member'), 'a group does not close');
        document.getElementById('single').click();
        want(Number(one('#rows').getAttribute('aria-rowcount')) === data.rows + 1,
            'not every row stands alone');
        document.getElementById('single').click();
        return all('#rows .group').length + ' groups drawn';
    }

    /* Rows that are drawn, however many there are. */
    function bounded() {
        want(drawn().length <= 100, drawn().length + ' rows are drawn');
        want(all('#map tbody tr').length <= 120, 'the map draws all of its lines');
    }

    function details() {
        const dialog = one('dialog');
        const cell = one('#map td.walk');
        const targets = [drawn().find((row) => !row.matches('.group')),
            drawn().filter((row) => !row.matches('.group')).pop().querySelector('button')];

        if (cell)
            targets.push(cell);
        for (const target of targets) {
            target.click();
            want(dialog.open && dialog.querySelector('h2').textContent, 'a click opens nothing');
            want(dialog.contains(document.activeElement), 'the focus stays behind');
            dialog.querySelector('.close').click();
            want(!dialog.open, 'details do not close');
        }
        if (!cell)
            return;
        cell.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}));
        want(dialog.open, 'Enter opens nothing');
        if (dialog.querySelector('.plain')) /* experts: the worst of them */
            dialog.querySelector('.plain').click();
        if (!root.dataset.quick)
            want(visible(dialog.querySelector('svg')) &&
                dialog.querySelectorAll('svg rect').length > 1, 'there is no histogram');
        dialog.close();
    }

    function press(key) {
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
    }

    function walking() {
        const first = one('#map td[tabindex="0"]'), row = one('#rows button[tabindex="0"]');

        if (first) {
            first.focus();
            press('ArrowDown');
            want(all('#map td[tabindex="0"]').length === 1, 'not one stop in the map');
            want(all('#map tbody tr:not(.space)').length < 2 || document.activeElement !== first,
                'arrows do not walk');
        }
        row.focus();
        press('End');
        want(all('#rows tbody [tabindex="0"]').length === 1, 'not one stop in the table');
        want(document.activeElement.closest('tr').getAttribute('aria-rowindex') ===
            one('#rows').getAttribute('aria-rowcount'), 'End does not go to the end');
        press('Home');
        want(document.activeElement.closest('tr').getAttribute('aria-rowindex') === '2',
            'Home does not go to the start');
    }

    /* WCAG 2.2: contrast of text and what is behind it, 4.5 at least. */
    function luminance(color) {
        const c = color.match(/[\d.]+/g).slice(0, 3).map(Number).map((x) => x / 255)
            .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));

        return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
    }

    function background(e) {
        for (; e; e = e.parentElement) {
            const color = getComputedStyle(e).backgroundColor;

            if (color !== 'rgba(0, 0, 0, 0)' && color !== 'transparent')
                return color;
        }
        return 'rgb(255, 255, 255)';
    }

    function contrast() {
        let worst = 99;

        for (const e of all('body *')) {
            const own = Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.data.trim());

            if (!own || !visible(e) || e.closest('script, style'))
                continue;
            const a = luminance(getComputedStyle(e).color), b = luminance(background(e));
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

            worst = Math.min(worst, ratio);
            want(ratio >= 4.5, 'contrast ' + ratio.toFixed(2) + ' of <' + e.nodeName + ' class="' +
                e.className + '"> ' + e.textContent.slice(0, 30));
        }
        return worst.toFixed(2);
    }

    function structure() {
        want(!all('img, iframe, object, embed, link').length, 'there is an element of an attacker');
        want(!all('svg').some((e) => !e.closest('dialog')), 'an <svg> stands outside the details');
        want(!root.dataset.alert, 'a script of a name ran');
        want(all('script').length === 2 + all('script[data-test]').length, 'a script too many');
        for (const table of all('table')) {
            want(table.closest('dialog, noscript') || table.caption, 'a table has no caption');
            want(Array.from(table.querySelectorAll('th')).every((th) => th.scope),
                'a heading has no scope');
        }
        const ids = all('[id]').map((e) => e.id);
        want(new Set(ids).size === ids.length, 'an id is there twice');
        want(one('h1').textContent && document.title, 'no title');
        if (root.dataset.expect)
            want(drawn().map(nameOf).concat(all('#map thead th').map((th) => th.textContent))
                .includes(root.dataset.expect), 'no text ' + root.dataset.expect);
    }

    function width() {
        want(root.scrollWidth <= root.clientWidth,
            'the page is ' + root.scrollWidth + ' wide in ' + root.clientWidth);
        return innerWidth;
    }

    async function check() {
        const notes = [width()];

        structure();
        notes.push(await map());
        views();
        bounded();
        await sorting();
        searching();
        notes.push(await experts());
        details();
        walking();
        notes.push('contrast ' + contrast());
        width();
        return 'ok: ' + notes.join(', ');
    }

    check().catch((e) => (e.name === 'Error' ? e.message : e.stack.replace(/\n/g, ' '))).then((text) => parent.postMessage(text, '*'));
})();
