/**
 * The page's own script. It only shows and hides what is there: it makes no element and reads no markup of the guest
 * as anything but text. The page is complete without it.
 */
export const REPORT_SCRIPT = `(() => {
  'use strict'
  const byId = (id) => document.getElementById(id)
  const form = byId('filter')
  if (!form) return
  const [text, refused, present, shown, nothing] = ['text', 'refused', 'present', 'shown', 'nothing'].map(byId)
  const items = Array.from(byId('tree').getElementsByTagName('li'))
  const folders = Array.from(byId('tree').getElementsByTagName('details'))
  const opened = folders.map((folder) => folder.open)
  const total = items.filter((item) => 'used' in item.dataset).length
  let paths = null

  const parentOf = (item) => item.parentElement.closest('li')
  const findPaths = () => {
    paths = new Map()
    for (const item of items) {
      const name = item.querySelector('code').textContent
      const parent = parentOf(item)
      const before = parent ? paths.get(parent) : ''
      paths.set(item, before === '' || before.endsWith('/') ? before + name : before + '/' + name)
    }
    for (const [item, path] of paths) paths.set(item, path.toLowerCase())
  }

  const apply = () => {
    const wanted = text.value.trim().toLowerCase()
    const active = wanted !== '' || refused.checked || present.checked
    if (wanted !== '' && !paths) findPaths()
    const seen = new Set()
    let count = 0
    for (let at = items.length - 1; at >= 0; at -= 1) {
      const item = items[at]
      const matches =
        'used' in item.dataset &&
        (wanted === '' || paths.get(item).includes(wanted)) &&
        (!refused.checked || 'refused' in item.dataset) &&
        (!present.checked || !('missing' in item.dataset))
      if (matches) count += 1
      if (matches || seen.has(item)) seen.add(parentOf(item))
      item.hidden = active && !matches && !seen.has(item)
    }
    folders.forEach((folder, at) => {
      const searching = wanted !== '' || refused.checked
      folder.open = searching ? seen.has(folder.parentElement) && (count <= 500 || opened[at]) : opened[at]
    })
    nothing.hidden = count > 0
    const all = total.toLocaleString('en-US')
    shown.textContent = active ? count.toLocaleString('en-US') + ' of ' + all + ' names' : all + ' names'
  }

  const remember = () => {
    const state = new URLSearchParams()
    if (text.value !== '') state.set('filter', text.value)
    if (refused.checked) state.set('refused', '1')
    if (present.checked) state.set('present', '1')
    history.replaceState(null, '', '#' + (String(state) || 'files'))
  }
  const recall = () => {
    const state = new URLSearchParams(location.hash.slice(1))
    if (!['filter', 'refused', 'present'].some((name) => state.has(name))) return
    text.value = state.get('filter') || ''
    refused.checked = state.has('refused')
    present.checked = state.has('present')
    apply()
  }

  let timer = 0
  form.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      apply()
      remember()
    }, 60)
  })
  form.addEventListener('submit', (event) => event.preventDefault())
  byId('expand').addEventListener('click', () => folders.forEach((folder) => (folder.open = true)))
  byId('collapse').addEventListener('click', () => folders.forEach((folder) => (folder.open = false)))
  window.addEventListener('hashchange', recall)
  form.hidden = false
  apply()
  recall()
})()
`
