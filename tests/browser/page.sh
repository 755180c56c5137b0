#!/bin/sh
# page.sh PAGE [EXPECT] [PICTURES] - tries a page of q8-inspect in Chromium, narrow and wide, light
# and dark
#
# EXPECT is a name that must be shown as text.  PICTURES is a directory for screenshots.  With QUICK
# in the environment the page may lack histograms (q8-inspect --quick).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
page=$1
expect=${2:-}
pictures=${3:-}
browser=
for name in chromium chromium-browser google-chrome; do
    [ -n "$browser" ] || browser=$(command -v $name || true)
done
if [ -z "$browser" ]; then
    echo "page.sh: SKIPPED: there is no chromium" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() {
    echo "FAILED: $*" >&2
    exit 1
}

# open SCHEME WIDTH HEIGHT FILE OPTION... : dark is scheme 0, light 1
open() {
    scheme=$1
    size=$2,$3
    file=$4
    shift 4
    HOME=$work timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
        --disable-dev-shm-usage --no-first-run --disable-background-networking \
        --user-data-dir="$work/profile" --blink-settings="preferredColorScheme=$scheme" \
        --window-size="$size" --enable-logging=stderr --v=0 "$@" "file://$file" \
        2>"$work/log" || die "$browser does not run: $(tail -n 3 "$work/log")"
    if grep -q CONSOLE "$work/log"; then
        die "the console says: $(grep CONSOLE "$work/log")"
    fi
}

escape() {
    printf %s "$1" | sed 's/[&"<>|\\]/\\&/g; s/\\&/\\\&amp;/g; s/\\"/\\\&quot;/g; s/\\</\\\&lt;/g'
}

# A copy that counts alerts from its first byte on, and tries everything at its end
{
    sed "s|^<html lang=\"en\">\$|<html lang=\"en\" data-expect=\"$(escape "$expect")\"${QUICK:+ data-quick=1}>|
        s|^<head>\$|<head><script data-test>alert = () => { document.documentElement.dataset.alert = 1 }</script>|" \
        "$page"
    echo "<script type=\"module\" data-test>"
    cat "$here/check.js"
    echo "</script>"
} >"$work/copy.html"
grep -q 'data-expect' "$work/copy.html" || die "$page has no <html lang=\"en\"> of its own line"

# A window is never narrower than 500 pixels, but a frame may be
for scheme in 1 0; do
    for width in 360 1280 2000; do
        cat >"$work/frame.html" <<END
<!DOCTYPE html><html data-verdict="the check did not run to its end"><head>
<meta name="color-scheme" content="light dark">
<script>onmessage = (event) => { document.documentElement.dataset.verdict = event.data }</script>
</head><body><iframe src="copy.html" width="$width" height="900" style="border:0"></iframe></body>
END
        open $scheme 2100 1000 "$work/frame.html" --virtual-time-budget=20000 --dump-dom >"$work/dom"
        verdict=$(sed -n 's/.*<html[^>]* data-verdict="\([^"]*\)".*/\1/p' "$work/dom")
        echo "scheme $scheme, $width wide: $verdict"
        case $verdict in
        "ok: $width, "*) ;;
        *) die "$page, $width wide: ${verdict:-no verdict}" ;;
        esac
    done
done

# The page itself, untouched: nothing on the console
for scheme in 0 1; do
    for width in 360 1280; do
        shot=${pictures:-$work}/$([ $scheme = 0 ] && echo dark || echo light)-$width.png
        open $scheme $width 3200 "$(realpath "$page")" --screenshot="$shot"
        [ -s "$shot" ] || die "no screenshot of $page"
    done
done

# The picture in the README is this one, of testdata/kjv-llama
shot=${pictures:-$work}/q8-inspect.png
open 1 1280 1230 "$(realpath "$page")" --screenshot="$shot"
[ "$(wc -c <"$shot")" -lt 200000 ] || die "the picture for the README has $(wc -c <"$shot") bytes"
