<?php
// Drives a server through phpredis and prints what it answers. Arguments: two ports of the same database.
function connected(string $port): Redis
{
    $redis = new Redis();
    $redis->connect('127.0.0.1', (int) $port, 10);
    return $redis;
}

$one = connected($argv[1]);
$two = connected($argv[2]);

function section(string $name): void
{
    echo "== $name\n";
}

function show(mixed ...$replies): void
{
    foreach ($replies as $reply) {
        echo json_encode($reply, JSON_THROW_ON_ERROR), "\n";
    }
}

function sorted(array $items): array
{
    sort($items);
    return $items;
}

/** What it gives, or false and the server's error. */
function error_of(Redis $redis, callable $action): array
{
    $redis->clearLastError();
    try {
        $reply = $action();
    } catch (RedisException $error) {
        return [get_class($error), $error->getMessage()];
    }
    return [$reply, $redis->getLastError()];
}

section('strings');
show($one->set('s', 'value', ['nx', 'ex' => 100]), $one->set('s', 'again', ['nx']), $two->get('s'), $one->get('missing'));
show($one->append('s', '!'), $one->getRange('s', 1, 2), $one->strlen('s'), $one->getSet('s', 'new'));
show($one->mSet(['a' => 1, 'b' => 2]), $two->mGet(['a', 'b', 'missing']), $one->mSetNx(['b' => 1, 'c' => 2]), $two->incrByFloat('a', 0.5));
show($one->incrBy('n', 41), $one->decr('n'), $one->setBit('bits', 7, 1), $one->bitCount('bits'), $one->del('n'));

section('hashes');
show($one->hMSet('h', ['f' => 'v', 'g' => 2]), $two->hGetAll('h'), $one->hIncrBy('h', 'g', 5), $two->hMGet('h', ['f', 'x']));
show($one->hDel('h', 'f'), $one->hExists('h', 'f'), $two->hKeys('h'), $two->hVals('h'), $one->hLen('h'), $one->hSetNx('h', 'g', 1));

section('lists');
show($one->rPush('l', ...range(0, 7)), $two->lRange('l', 0, -1), $one->lPop('l'), $two->rPop('l'), $two->lIndex('l', -1));
show($one->lInsert('l', Redis::BEFORE, '3', 'x'), $one->lRem('l', '4', 0), $one->lTrim('l', 1, 3));
show($two->rPopLPush('l', 'l2'), $two->lRange('l2', 0, -1), $two->sort('l', ['alpha' => true, 'sort' => 'desc']), $one->lLen('l'));

section('sets');
show($one->sAdd('t', 'a', 'b', 'c'), $one->sAdd('u', 'b', 'c', 'd'), sorted($two->sInter('t', 'u')), sorted($two->sMembers('t')));
show($one->sDiffStore('v', 't', 'u'), $two->sMembers('v'), $one->sMove('t', 'u', 'a'), $one->sCard('u'), $one->sMisMember('u', 'a', 'z'));

section('sorted sets');
show($one->zAdd('z', 1, 'a', 2.5, 'b', 3, 'c'), $one->zAdd('z', ['XX', 'CH'], 5, 'a'), $two->zRange('z', 0, -1, true));
show($two->zRevRangeByScore('z', '+inf', '(1', ['limit' => [0, 2]]), $one->zIncrBy('z', 1, 'b'), $one->zRank('z', 'a'), $one->zScore('z', 'no'));
show($one->zUnionStore('w', ['z', 't'], [2, 1]), $two->zRange('w', 0, -1, true), $two->zPopMax('w'), $one->zCount('z', 0, 4));
show($one->geoAdd('places', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'));
show($two->geoRadius('places', 15, 37, 200, 'km', ['WITHDIST', 'ASC']));

section('transactions');
show($one->multi()->set('m', 1)->incr('m')->lPush('s', 'x')->get('m')->exec());
$one->watch('m');
$before = (int) $one->get('m');
$two->incr('m');
show($one->multi()->set('m', $before + 100)->exec(), $two->get('m'));
$one->watch(['m']);
$before = (int) $one->get('m');
show($one->multi()->set('m', $before + 10)->exec(), $two->get('m'));
$one->multi()->set('m', 0);
show($one->discard(), $two->get('m'));

section('pipelines');
$many = $one->pipeline();
for ($i = 0; $i < 2000; $i++) {
    $many->set("p:$i", $i)->get("p:$i");
}
$replies = $many->exec();
$same = true;
for ($i = 0; $i < 2000; $i++) {
    $same = $same && $replies[2 * $i] === true && $replies[2 * $i + 1] === (string) $i;
}
show(count($replies), $same);

section('scans');
$two->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
$found = [];
$cursor = null;
while (($keys = $two->scan($cursor, 'p:*', 100)) !== false) {
    foreach ($keys as $key) {
        $found[$key] = true;
    }
}
show(count($found), isset($found['p:1999']));
for ($i = 0; $i < 700; $i++) {
    $one->hSet('big', "f$i", $i);
    $one->sAdd('bigset', $i);
    $one->zAdd('bigz', $i, "m$i");
}
foreach ([['hScan', 'big', '*'], ['sScan', 'bigset', '*'], ['zScan', 'bigz', 'm1*']] as [$scan, $name, $match]) {
    $found = [];
    $cursor = null;
    while (($items = $two->$scan($name, $cursor, $match)) !== false) {
        foreach ($items as $field => $value) {
            $found[$scan === 'sScan' ? $value : $field] = true;
        }
    }
    show($scan, count($found));
}

section('expiry');
$ttl = fn (): bool => $one->ttl('s') > 990 && $one->ttl('s') <= 1000;
show($one->expire('s', 1000), $ttl(), $one->persist('s'), $one->ttl('s'), $one->ttl('missing'));
show($one->pExpireAt('s', 946684800000), $one->exists('s'), $one->set('s', 1, ['px' => 50000]), $one->pttl('s') > 40000);

section('binary data');
$raw = str_repeat(implode('', array_map('chr', range(0, 255))), 40);
show($one->set($raw, $raw), $one->get($raw) === $raw, $one->hSet('raw', $raw, $raw), $one->hGetAll('raw') === [$raw => $raw]);
show($one->rename($raw, "\r\n\0"), $one->restore('restored', 0, $one->dump("\r\n\0")), $one->get('restored') === $raw);
show($one->del(["\r\n\0", 'restored']));

section('errors');
show(error_of($one, fn () => $one->incr('h')), error_of($one, fn () => $one->rawCommand('NOSUCH', 'x')));
show(error_of($one, fn () => $one->rawCommand('GET')), error_of($one, fn () => $one->lSet('l', 99, 'x')));
show(error_of($one, fn () => $one->rename('none', 'x')), error_of($one, fn () => $one->rawCommand('SET', 's', 'v', 'EX', '0')));

section('the end');
show($one->select(1), $one->flushAll(), $one->dbSize());
