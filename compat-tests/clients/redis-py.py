"""Drives a server through redis-py and prints what it answers. Arguments: two ports of the same database."""
import datetime
import sys

import redis

one = redis.Redis(port=int(sys.argv[1]))
two = redis.Redis(port=int(sys.argv[2]), decode_responses=True)


def section(name):
    print('==', name)


def show(*replies):
    for reply in replies:
        print(repr(reply))


def error_of(action):
    try:
        return action()
    except redis.RedisError as error:
        return f'{type(error).__name__}: {error}'


section('strings')
show(one.set('s', 'value', ex=100, nx=True), one.set('s', 'again', nx=True), one.get('s'), one.get('missing'))
show(one.set('s', 'new', get=True), one.append('s', '!'), one.getrange('s', 1, 2), one.strlen('s'))
show(one.mset({'a': 1, 'b': 2}), two.mget('a', 'b', 'missing'), one.msetnx({'b': 1, 'c': 2}), two.incrbyfloat('a', 0.5))
show(one.incr('n', 41), one.decr('n'), one.setbit('bits', 7, 1), one.bitcount('bits'), one.getdel('n'))

section('hashes')
show(one.hset('h', mapping={'f': 'v', 'g': 2}), two.hgetall('h'), one.hincrby('h', 'g', 5), two.hmget('h', 'f', 'x'))
show(one.hdel('h', 'f'), one.hexists('h', 'f'), two.hkeys('h'), two.hvals('h'), one.hlen('h'), one.hsetnx('h', 'g', 1))

section('lists')
show(one.rpush('l', *range(8)), two.lrange('l', 0, -1), one.lpop('l'), two.rpop('l', 2), two.lindex('l', -1))
show(one.linsert('l', 'before', '3', 'x'), one.lrem('l', 0, '4'), one.ltrim('l', 1, 3), two.lpos('l', '3'))
show(two.lmove('l', 'l2', 'LEFT', 'RIGHT'), two.lrange('l2', 0, -1), two.sort('l', alpha=True, desc=True), one.llen('l'))

section('sets')
show(one.sadd('t', 'a', 'b', 'c'), one.sadd('u', 'b', 'c', 'd'), sorted(two.sinter('t', 'u')), sorted(two.smembers('t')))
show(one.sdiffstore('v', 't', 'u'), two.smembers('v'), one.smove('t', 'u', 'a'), one.scard('u'), one.smismember('u', ['a', 'z']))

section('sorted sets')
show(one.zadd('z', {'a': 1, 'b': 2.5, 'c': 3}), one.zadd('z', {'a': 5}, gt=True, ch=True), two.zrange('z', 0, -1, withscores=True))
show(two.zrevrangebyscore('z', '+inf', '(1', start=0, num=2), one.zincrby('z', 1, 'b'), one.zrank('z', 'a'), one.zscore('z', 'no'))
show(one.zunionstore('w', {'z': 2, 't': 1}), two.zrange('w', 0, -1, withscores=True), two.zpopmax('w'), one.zcount('z', 0, 4))
show(one.geoadd('places', (13.361389, 38.115556, 'Palermo')), one.geoadd('places', (15.087269, 37.502669, 'Catania')))
show(two.geosearch('places', longitude=15, latitude=37, radius=200, unit='km', sort='ASC', withdist=True))

section('transactions')
with one.pipeline(transaction=True) as block:
    show(block.set('m', 1).incr('m').lpush('s', 'x').get('m').execute(raise_on_error=False).__repr__())
with one.pipeline() as block:
    block.watch('m')
    before = int(block.get('m'))
    two.incr('m')
    block.multi()
    block.set('m', before + 100)
    show(error_of(block.execute), two.get('m'))


def add_ten(pipe):
    value = int(pipe.get('m'))
    pipe.multi()
    pipe.set('m', value + 10)


show(one.transaction(add_ten, 'm'), two.get('m'))

section('pipelines')
with one.pipeline(transaction=False) as many:
    for i in range(2000):
        many.set(f'p:{i}', i).get(f'p:{i}')
    replies = many.execute()
show(len(replies), all(replies[0::2]), replies[1::2] == [str(i).encode() for i in range(2000)])

section('scans')
show(len(set(two.scan_iter('p:*', count=100))), sorted(two.scan_iter('p:11*', _type='string'))[:5])
one.hset('big', mapping={f'f{i}': i for i in range(700)})
one.sadd('bigset', *range(700))
one.zadd('bigz', {f'm{i}': i for i in range(700)})
show(len(dict(two.hscan_iter('big'))), len(set(two.sscan_iter('bigset'))), len(dict(two.zscan_iter('bigz', match='m1*'))))

section('expiry')
show(one.expire('s', 1000), 990 < one.ttl('s') <= 1000, one.persist('s'), one.ttl('s'), one.ttl('missing'))
show(one.pexpireat('s', datetime.datetime(2000, 1, 1)), one.exists('s'), one.set('s', 1, px=50_000), 40_000 < one.pttl('s') <= 50_000)

section('binary data')
raw = bytes(range(256)) * 40
show(one.set(raw, raw), one.get(raw) == raw, one.hset('raw', raw, raw), one.hgetall('raw') == {raw: raw}, one.rename(raw, b'\r\n\0'))
dumped = one.dump(b'\r\n\0')
show(one.restore('restored', 0, dumped), one.get('restored') == raw, one.delete(b'\r\n\0', 'restored'))

section('errors')
show(error_of(lambda: one.incr('h')), error_of(lambda: one.execute_command('NOSUCH', 'x')), error_of(lambda: one.execute_command('GET')))
show(error_of(lambda: one.set('s', 'v', ex=0)), error_of(lambda: one.lset('l', 99, 'x')), error_of(lambda: one.rename('none', 'x')))
bad = one.pipeline()
bad.execute_command('SET', 'k')
bad.set('k', 1)
show(error_of(bad.execute), one.get('k'))

section('the end')
show(one.select(1), one.flushall(), one.dbsize())
