/* page.js - starts what a page can do beyond being read */
startMap();
startTable();

const nav = document.querySelector('nav');

for (const part of document.querySelectorAll('main > section:not([hidden])'))
    nav.append(make('a', part.querySelector('h2').textContent, {href: '#' + part.id}));
nav.hidden = false;
