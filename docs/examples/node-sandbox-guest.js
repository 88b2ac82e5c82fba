rpc.expose('greet', function (name) {
  return rpc.call('punctuation').then(function (mark) {
    return 'hello ' + name + mark
  })
})
rpc.expose('loop', function () {
  while (true);
})
console.log('loaded')
