# Drives a server through redis-rb and prints what it answers. Arguments: two ports of the same database.
require 'redis'

ONE = Redis.new(port: ARGV[0].to_i)
TWO = Redis.new(port: ARGV[1].to_i)

def section(name)
  puts "== #{name}"
end

def show(*replies)
  replies.each { |reply| puts reply.inspect }
end

def error_of
  yield
rescue Redis::BaseError => error
  "#{error.class}: #{error.message}"
end

section 'strings'
show ONE.set('s', 'value', ex: 100, nx: true), ONE.set('s', 'again', nx: true), TWO.get('s'), ONE.get('missing')
show ONE.set('s', 'new', get: true), ONE.append('s', '!'), ONE.getrange('s', 1, 2), ONE.strlen('s')
show ONE.mset('a', 1, 'b', 2), TWO.mapped_mget('a', 'b', 'missing'), ONE.msetnx('b', 1, 'c', 2), TWO.incrbyfloat('a', 0.5)
show ONE.incrby('n', 41), ONE.decr('n'), ONE.setbit('bits', 7, 1), ONE.bitcount('bits'), ONE.getdel('n')

section 'hashes'
show ONE.hset('h', { 'f' => 'v', 'g' => 2 }), TWO.hgetall('h'), ONE.hincrby('h', 'g', 5), TWO.hmget('h', 'f', 'x')
show ONE.hdel('h', 'f'), ONE.hexists('h', 'f'), TWO.hkeys('h'), TWO.hvals('h'), ONE.hlen('h'), ONE.hsetnx('h', 'g', 1)

section 'lists'
show ONE.rpush('l', (0..7).to_a), TWO.lrange('l', 0, -1), ONE.lpop('l'), TWO.rpop('l', 2), TWO.lindex('l', -1)
show ONE.linsert('l', 'before', '3', 'x'), ONE.lrem('l', 0, '4'), ONE.ltrim('l', 1, 3)
show TWO.lmove('l', 'l2', 'LEFT', 'RIGHT'), TWO.lrange('l2', 0, -1), TWO.sort('l', order: 'DESC ALPHA'), ONE.llen('l')

section 'sets'
show ONE.sadd('t', %w[a b c]), ONE.sadd('u', %w[b c d]), TWO.sinter('t', 'u').sort, TWO.smembers('t').sort
show ONE.sdiffstore('v', 't', 'u'), TWO.smembers('v'), ONE.smove('t', 'u', 'a'), ONE.scard('u'), ONE.smismember('u', 'a', 'z')

section 'sorted sets'
show ONE.zadd('z', [[1, 'a'], [2.5, 'b'], [3, 'c']]), ONE.zadd('z', 5, 'a', gt: true, ch: true), TWO.zrange('z', 0, -1, with_scores: true)
show TWO.zrevrangebyscore('z', '+inf', '(1', limit: [0, 2]), ONE.zincrby('z', 1, 'b'), ONE.zrank('z', 'a'), ONE.zscore('z', 'no')
show ONE.zunionstore('w', %w[z t], weights: [2, 1]), TWO.zrange('w', 0, -1, with_scores: true), TWO.zpopmax('w'), ONE.zcount('z', 0, 4)
show ONE.geoadd('places', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania')
show TWO.georadius('places', 15, 37, 200, 'km', sort: 'asc', options: :WITHDIST)

section 'transactions'
show(ONE.multi { |block| block.set('m', 1); block.incr('m'); block.get('m') })
show error_of { ONE.multi { |block| block.set('m', 2); block.lpush('s', 'x'); block.incr('m') } }, TWO.get('m')
lost = ONE.watch('m') do
  before = ONE.get('m').to_i
  TWO.incr('m')
  ONE.multi { |block| block.set('m', before + 100) }
end
show lost, TWO.get('m')
won = ONE.watch('m') do
  before = ONE.get('m').to_i
  ONE.multi { |block| block.set('m', before + 10) }
end
show won, TWO.get('m')

section 'pipelines'
replies = ONE.pipelined { |many| 2000.times { |i| many.set("p:#{i}", i); many.get("p:#{i}") } }
show replies.size, replies.each_slice(2).each_with_index.all? { |pair, i| pair == ['OK', i.to_s] }

section 'scans'
show TWO.scan_each(match: 'p:*', count: 100).to_a.uniq.size, TWO.scan_each(match: 'p:11*', type: 'string').to_a.uniq.sort.first(5)
ONE.hset('big', (0...700).to_h { |i| ["f#{i}", i] })
ONE.sadd('bigset', (0...700).to_a)
ONE.zadd('bigz', (0...700).map { |i| [i, "m#{i}"] })
show TWO.hscan_each('big').to_a.uniq.size, TWO.sscan_each('bigset').to_a.uniq.size, TWO.zscan_each('bigz', match: 'm1*').to_a.uniq.size

section 'expiry'
show ONE.expire('s', 1000), ONE.ttl('s').between?(990, 1000), ONE.persist('s'), ONE.ttl('s'), ONE.ttl('missing')
show ONE.pexpireat('s', 946_684_800_000), ONE.exists('s'), ONE.set('s', 1, px: 50_000), ONE.pttl('s').between?(40_000, 50_000)

section 'binary data'
raw = (0..255).to_a.pack('C*') * 40
show ONE.set(raw, raw), ONE.get(raw).b == raw, ONE.hset('raw', raw, raw), ONE.hget('raw', raw).b == raw, ONE.rename(raw, "\r\n\0")
dumped = ONE.dump("\r\n\0")
show ONE.restore('restored', 0, dumped), ONE.get('restored').b == raw, ONE.del("\r\n\0", 'restored')

section 'errors'
show error_of { ONE.incr('h') }, error_of { ONE.call('NOSUCH', 'x') }, error_of { ONE.call('GET') }
show error_of { ONE.set('s', 'v', ex: 0) }, error_of { ONE.lset('l', 99, 'x') }, error_of { ONE.rename('none', 'x') }
show error_of { ONE.multi { |block| block.call('SET', 'k'); block.set('k', 1) } }, ONE.get('k')

section 'the end'
show ONE.select(1), ONE.flushall, ONE.dbsize
