/* map.js - the heat map: layers times roles, coloured by a number */
const section = get('layers');
const steps = 10;    /* colours, .h0 (calm) to .h9 (look here) in page.css */
const mostRoles = 400; /* names from a file could ask for more without end */
const hasPlace = expand(data.places, new Uint8Array(data.rows), Number);

/* Lines of the map, each with the rows of each role: {name, cell: [[row, ...], ...]}. */
function findLines() {
    const lines = new Map(), roles = new Map(), stacks = new Set(), known = new Map();

    for (let i = 0; i < data.rows; i++) {
        const part = parts[pattern[i]];

        if (!hasPlace[i] || part.length < 2)
            continue;
        const cell = lineOf(lines, part[0], numbers[0][i]).cell, r = roleOf(roles, known, i);

        stacks.add(part[0]);
        (cell[r] = cell[r] || []).push(i);
    }
    return {lines: [...lines.values()].flatMap((stack) => [...stack.values()]),
        roles: [...roles.keys()], stacks: stacks.size > 1};
}

function lineOf(lines, stack, layer) {
    if (!lines.has(stack))
        lines.set(stack, new Map());
    if (!lines.get(stack).has(layer))
        lines.get(stack).set(layer, {stack, layer, cell: []});
    return lines.get(stack).get(layer);
}

/* The number of a role, new ones too; experts, the most there is, are known by their pattern. */
function roleOf(roles, known, i) {
    const p = pattern[i], part = parts[p], whole = part.length < 3 || counted[p];

    if (whole && known.has(p))
        return known.get(p);
    const number = part.length < 3 ? '' : counted[p] ? '*' : numbers[1][i];
    const role = (part[1] + number + (part[2] || '')).replace(/^\./, '');

    if (!roles.has(role))
        roles.set(role, roles.size);
    if (whole)
        known.set(p, roles.get(role));
    return roles.get(role);
}

/* The view with its scale widened to the values; null: it has none. */
function fitView(view, lines) {
    const {value, form} = columns[view.column];
    const rising = !(view.alarm < view.calm), alarm = rising ? Math.max : Math.min;
    const fitted = {...view, form, roles: [], calm: number(view.calm), alarm: number(view.alarm)};
    const used = new Set();

    for (const line of lines)
        line.cell.forEach((rows, r) => rows.forEach(function (i) {
            const x = value[i];

            if (Number.isNaN(x))
                return;
            used.add(r);
            if (!Number.isFinite(x) || (view.log && x <= 0))
                return;
            const calm = rising ? Math.min : Math.max;

            fitted.calm = Number.isNaN(fitted.calm) ? x : calm(fitted.calm, x);
            fitted.alarm = Number.isNaN(fitted.alarm) ? x : alarm(fitted.alarm, x);
        }));
    fitted.roles = [...used];
    fitted.rising = rising;
    return used.size ? fitted : null;
}

function stepOf(view, x) {
    const log = view.log && x > 0 ? Math.log : (y) => y;
    const t = (log(x) - log(view.calm)) / (log(view.alarm) - log(view.calm)) * steps;

    return t > 0 ? Math.min(steps - 1, Math.floor(t)) : 0; /* NaN: calm and alarm are one */
}

function legendOf(view) {
    const colours = Array.from({length: steps}, (e, i) => make('i', '', {class: 'h' + i}));
    const scale = make('span', [make('span', shown(view.form, view.calm) + view.unit),
        make('span', colours, {class: 'strip', 'aria-hidden': 'true'}),
        make('span', shown(view.form, view.alarm) + view.unit)], {class: 'scale'});
    const marks = data.marks.filter((mark) => mark.id !== 'low' || view.id === 'sqnr').map((mark) =>
        make('span', [make('b', '', {class: 'key ' + mark.id}), mark.title]));

    return [scale, make('span', view.words), ...marks];
}

function startMap() {
    const {lines, roles, stacks} = section ? findLines() : {lines: []};
    const views = lines.length ? data.views.map((v) => fitView(v, lines)).filter(Boolean) : [];

    if (!views.length)
        return;
    section.hidden = false;
    if (roles.length > mostRoles)
        section.append(make('p', roles.length + ' roles are too many for a map.'));
    else
        drawMap(views, lines, roles, stacks);
}

function drawMap(views, lines, roles, stacks) {
    const order = roles.map((role, r) => r).sort((a, b) => collator.compare(roles[a], roles[b]));
    const legend = make('p', '', {class: 'legend'}), without = make('p', '', {class: 'without'});
    const caption = make('caption', '', {id: 'map-caption'});
    const map = make('table', [caption, make('thead', make('tr')), make('tbody')],
        {id: 'map', class: 'heat', role: 'grid', 'aria-rowcount': lines.length + 1});
    const box = make('div', map, {class: 'box map', role: 'region', 'aria-labelledby': 'map-caption'});
    const list = makeList(box, map, drawLine);
    let view, shownRoles;

    function drawCell(line, r) {
        const rows = line.cell[r], {worst} = rows ? summary(view.column, rows) : {};
        const text = rows ? shown(view.form, worst) : '';
        const label = 'layer ' + line.name + ', ' + roles[r] + ': ' + view.title + ' ' + text;
        const td = make('td', text, rows ? {class: 'walk', tabindex: -1, title: label,
            'aria-label': label} : {class: 'none'});

        if (rows)
            td.classList.add(...marksOf(rows), Number.isNaN(worst) ? 'nothing' :
                'h' + stepOf(view, worst));
        return td;
    }

    function drawLine(i) {
        const line = lines[i];

        line.name = stacks ? line.stack + line.layer : String(line.layer);
        return make('tr', [make('th', line.name, {scope: 'row'}),
            ...shownRoles.map((r) => drawCell(line, r))], {'aria-rowindex': i + 2});
    }

    /* Only roles that have the number. */
    function look(v) {
        const left = order.filter((r) => !views[v].roles.includes(r));

        view = views[v];
        shownRoles = order.filter((r) => view.roles.includes(r));
        map.dataset.view = view.id;
        legend.replaceChildren(...legendOf(view));
        caption.textContent = lines.length + (lines.length === 1 ? ' layer, ' : ' layers, ') +
            shownRoles.length + (shownRoles.length === 1 ? ' role' : ' roles');
        without.hidden = !left.length;
        without.textContent = 'Without ' + view.title + ': ' +
            left.slice(0, 8).map((r) => roles[r]).join(', ') +
            (left.length > 8 ? ' and ' + (left.length - 8) + ' roles more' : '') + '.';
        map.tHead.rows[0].replaceChildren(make('th', 'Layer', {scope: 'col'}),
            ...shownRoles.map((r) => make('th', breakable(roles[r]), {scope: 'col'})));
        list.reset(lines.length);
    }

    function open({i, n}) {
        const line = lines[i], r = shownRoles[n - 1], rows = line.cell[r];

        if (rows.length === 1)
            openRow(rows[0]);
        else
            openRows('layer ' + line.name + ', ' + roles[r], rows, view.column);
    }

    section.append(controls(views, look), legend, box, without);
    map.addEventListener('click', function (event) {
        if (event.target.closest('td.walk'))
            open(list.at(event));
    });
    map.addEventListener('keydown', (event) => walkMap(event, list, open));
    look(0);
    printList(list);
}

function controls(views, look) {
    const inputs = views.map((view, v) => make('input', '',
        {type: 'radio', name: 'view', value: view.id, ...(v ? {} : {checked: ''})}));

    inputs.forEach((input, v) => input.addEventListener('change', () => look(v)));
    return make('fieldset', [make('legend', 'Show'), ...views.map((view, v) =>
        make('label', [inputs[v], make('span', view.title)]))], {class: 'views'});
}

/* Arrows walk, as in any grid, past places where there is nothing. */
function walkMap(event, list, open) {
    const at = list.at(event), across = {ArrowLeft: -1, ArrowRight: 1}[event.key] || 0;
    const steps = list.steps(event.key), last = list.count() - 1;

    if (!at || !event.target.closest('td.walk'))
        return;
    if (event.key === 'Enter' || event.key === ' ') {
        open(at);
    } else if (across || steps) {
        const down = Math.sign(steps);
        let i = Math.max(0, Math.min(last, at.i + steps)), n = at.n + across;

        while (list.go(i, n) === 'nothing' && i + down >= 0 && i + down <= last) {
            i += down;
            n += across;
        }
    } else {
        return;
    }
    event.preventDefault();
}
