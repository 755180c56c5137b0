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

    function map() {
        const table = one('#map');

        if (!table)
            return '';
        const layers = table.tBodies[0].rows.length;
        const roles = table.tHead.rows[0].cells.length - 1;
        const cells = all('#map td');

        want(cells.length === layers * roles,
            cells.length + ' cells, but ' + layers + ' layers and ' + roles + ' roles');
        for (const td of cells)
            want(!td.dataset.i || (td.textContent && td.title && td.getAttribute('aria-label')),
                'a cell has no number, title or label');
        return layers + 'x' + roles;
    }

    function views() {
        const inputs = all('.views input');

        for (const input of inputs) {
            input.click();
            want(one('#map').dataset.view === input.value, 'no view ' + input.value);
            want(all('#layers .legend').filter(visible).length === 1, 'not one legend');
        }
        if (inputs.length > 1) {
            const texts = all('#map td').map((td) => td.textContent).join();
            inputs[0].click();
            want(texts !== all('#map td').map((td) => td.textContent).join(), 'views are alike');
        }
    }

    const names = () => all('#rows tbody th button').map((b) => b.textContent);

    function sorting() {
        const before = names(), button = one('#rows thead button'), th = button.parentNode;
        const order = new Intl.Collator('en', {numeric: true}).compare;

        button.click(); /* it came ascending */
        want(th.getAttribute('aria-sort') === 'descending', 'aria-sort is not descending');
        want(names().join('\n') === before.slice().sort((a, b) => -order(a, b)).join('\n'),
            'names do not descend');
        button.click();
        want(th.getAttribute('aria-sort') === 'ascending', 'aria-sort is not ascending');
        want(names().join('\n') === before.slice().sort(order).join('\n'), 'names do not ascend');
        all('#rows thead button').forEach(function (head, column) {
            if (column < 3)
                return;
            head.click();
            let last = -Infinity;
            for (const row of one('#rows tbody').rows) {
                const text = row.cells[column].textContent;
                const x = text === '–' || text === '∞' ? Infinity :
                    text.endsWith('∞') ? -Infinity : parseFloat(text);

                want(x >= last, 'column ' + head.textContent + ' does not ascend at ' + text);
                last = x;
            }
        });
        button.click();
        want(all('#rows [aria-sort]').length === 1, 'more than one column has aria-sort');
    }

    function searching() {
        const input = one('#find'), total = names().length, word = names()[total >> 1];

        function type(text) {
            input.value = text;
            input.dispatchEvent(new Event('input', {bubbles: true}));
            return all('#rows tbody tr').filter(visible).length;
        }

        const left = type(word);
        want(left >= 1 && left <= total, word + ' finds ' + left + ' of ' + total);
        want(one('#found').textContent === left + ' of ' + total, 'the count is wrong');
        want(one('#found').getAttribute('aria-live') === 'polite', 'the count is not announced');
        want(type('no such tensor') === 0, 'nonsense is found');
        want(type('') === total, 'not all come back');
    }

    function details() {
        const dialog = one('dialog');
        const cell = one('#map td[data-i]');
        const targets = [one('#rows tbody tr'), all('#rows tbody button').pop()];

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
        if (!root.dataset.quick)
            want(visible(dialog.querySelector('svg')) &&
                dialog.querySelectorAll('svg rect').length > 1, 'there is no histogram');
        dialog.close();
    }

    function walking() {
        const first = one('#map td[tabindex="0"]');

        if (!first)
            return;
        first.focus();
        first.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true}));
        want(all('#map td[tabindex="0"]').length === 1, 'not one stop in the map');
        want(one('#map tbody').rows.length < 2 || document.activeElement !== first,
            'arrows do not walk');
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
            want(table.closest('dialog') || table.caption, 'a table has no caption');
            want(Array.from(table.querySelectorAll('th')).every((th) => th.scope),
                'a heading has no scope');
        }
        const ids = all('[id]').map((e) => e.id);
        want(new Set(ids).size === ids.length, 'an id is there twice');
        want(one('h1').textContent && document.title, 'no title');
        if (root.dataset.expect)
            want(names().concat(all('#map thead th').map((th) => th.textContent))
                .includes(root.dataset.expect), 'no text ' + root.dataset.expect);
    }

    function width() {
        want(root.scrollWidth <= root.clientWidth,
            'the page is ' + root.scrollWidth + ' wide in ' + root.clientWidth);
        return innerWidth;
    }

    try {
        const notes = [width()];

        structure();
        notes.push(map());
        views();
        sorting();
        searching();
        details();
        walking();
        notes.push('contrast ' + contrast());
        width();
        parent.postMessage('ok: ' + notes.join(', '), '*');
    } catch (e) {
        parent.postMessage(e.message, '*');
    }
})();
