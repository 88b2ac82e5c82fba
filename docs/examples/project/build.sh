#!/bin/sh
# Makes dist/page.html of words.txt, slowly unless the cache has the letters already.
set -e
mkdir -p cache dist
[ -f cache/letters ] || { echo 'counting letters'; tr -d '\n' <words.txt | wc -c >cache/letters; }
{ echo '<ul>'; sed 's|.*|<li>&</li>|' words.txt; echo '</ul>'; } >dist/page.html
echo "made a page of $(cat cache/letters) letters"
