#!/bin/sh
# page.sh PAGE... - how long pages take to open and to sort in headless Chromium
#
# "open" is from the start of the navigation to the frame after the first rows were drawn; "sort" the
# slowest column, with experts in groups and one by one; "search" a word that half of the names have.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
browser=
for name in chromium chromium-browser google-chrome; do
    [ -n "$browser" ] || browser=$(command -v $name || true)
done
[ -n "$browser" ] || { echo "page.sh: SKIPPED: there is no chromium" >&2; exit 77; }

for page; do
    {
        cat "$page"
        cat <<'END'
<script type="module">
const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
async function time(act) {
    const start = performance.now();
    act();
    await frame();
    return performance.now() - start;
}
async function slowest() {
    let most = 0;
    for (const button of document.querySelectorAll('#rows thead button'))
        for (let twice = 0; twice < 2; twice++)
            most = Math.max(most, await time(() => button.click()));
    return most;
}
await frame();
const open = performance.now(), drawn = document.querySelectorAll('#rows tbody tr').length;
const sort = await slowest(), single = document.getElementById('single');
if (single)
    single.click();
const alone = await slowest(), find = document.getElementById('find');
find.value = 'proj';
const search = await time(() => find.dispatchEvent(new Event('input', {bubbles: true})));
console.log('TIMES open ' + open.toFixed(0) + ' ms (' + drawn +
    ' rows drawn), sort ' + sort.toFixed(0) + ' ms, one by one ' + alone.toFixed(0) +
    ' ms, search ' + search.toFixed(0) + ' ms.');
</script>
END
    } >"$work/page.html"
    HOME=$work "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --no-first-run --user-data-dir="$work/profile" --enable-logging=stderr --v=0 \
        --window-size=1280,1000 "file://$work/page.html" >/dev/null 2>"$work/log" &
    pid=$!
    for i in $(seq 600); do
        ! grep -q CONSOLE "$work/log" || break
        sleep 0.2
    done
    kill $pid && wait $pid || true
    times=$(sed -n 's/.*CONSOLE.*"\(TIMES \)\{0,1\}\(.*\)", source.*/\2/p' "$work/log" | head -1)
    echo "$page: $(wc -c <"$page") bytes, ${times:-nothing within two minutes}"
done
