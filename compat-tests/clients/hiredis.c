/* Drives a server through hiredis and prints what it answers. Arguments: two ports of the same database. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static redisContext *one;
static redisContext *two;

static redisContext *connected(const char *port) {
  redisContext *context = redisConnect("127.0.0.1", atoi(port));
  if (context == NULL || context->err) {
    fprintf(stderr, "%s\n", context == NULL ? "no memory" : context->errstr);
    exit(1);
  }
  return context;
}

static void print(const redisReply *reply) {
  switch (reply->type) {
    case REDIS_REPLY_NIL: printf("nil"); break;
    case REDIS_REPLY_INTEGER: printf("%lld", reply->integer); break;
    case REDIS_REPLY_STATUS: printf("+%s", reply->str); break;
    case REDIS_REPLY_ERROR: printf("-%s", reply->str); break;
    case REDIS_REPLY_STRING: printf("\"%s\"", reply->str); break;
    case REDIS_REPLY_ARRAY:
      printf("[");
      for (size_t i = 0; i < reply->elements; i++) {
        if (i > 0) printf(" ");
        print(reply->element[i]);
      }
      printf("]");
      break;
    default: printf("type %d", reply->type);
  }
}

static redisReply *checked(redisContext *context, void *reply) {
  if (reply == NULL) {
    fprintf(stderr, "connection lost: %s\n", context->errstr);
    exit(1);
  }
  return reply;
}

/* Runs a command of words without spaces and prints the reply. */
static void show(redisContext *context, const char *command) {
  redisReply *reply = checked(context, redisCommand(context, command));
  print(reply);
  printf("\n");
  freeReplyObject(reply);
}

static void showAll(const char *const *commands) {
  for (; *commands != NULL; commands++) show(one, *commands);
}

#define SHOW(...) showAll((const char *const[]){__VA_ARGS__, NULL})

static void section(const char *name) { printf("== %s\n", name); }

static void pipelines(void) {
  int wrong = 0;
  for (int i = 0; i < 2000; i++) {
    redisAppendCommand(one, "SET p:%d %d", i, i);
    redisAppendCommand(one, "GET p:%d", i);
  }
  for (int i = 0; i < 4000; i++) {
    void *next = NULL;
    redisGetReply(one, &next);
    redisReply *reply = checked(one, next);
    if (i % 2 == 0 ? strcmp(reply->str, "OK") != 0 : atoi(reply->str) != i / 2) wrong++;
    freeReplyObject(reply);
  }
  printf("%d wrong\n", wrong);
}

/* Follows the cursors to the end; every key once at least. */
static void scan(void) {
  static char seen[2000];
  char cursor[32] = "0";
  int found = 0;
  do {
    redisReply *reply = checked(two, redisCommand(two, "SCAN %s MATCH p:* COUNT 100", cursor));
    for (size_t i = 0; i < reply->element[1]->elements; i++) {
      int number = atoi(reply->element[1]->element[i]->str + 2);
      if (number >= 0 && number < 2000 && !seen[number]) found++, seen[number] = 1;
    }
    snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
    freeReplyObject(reply);
  } while (strcmp(cursor, "0") != 0);
  printf("%d keys\n", found);
}

static void binary(void) {
  unsigned char raw[10240];
  for (size_t i = 0; i < sizeof raw; i++) raw[i] = i % 256;
  redisReply *set = checked(one, redisCommand(one, "SET %b %b", raw, sizeof raw, raw, sizeof raw));
  print(set);
  redisReply *got = checked(two, redisCommand(two, "GET %b", raw, sizeof raw));
  printf("\n%zu bytes, %s\n", got->len, got->len == sizeof raw && memcmp(got->str, raw, got->len) == 0 ? "same" : "other");
  redisReply *gone = checked(one, redisCommand(one, "DEL %b", raw, sizeof raw));
  print(gone);
  printf("\n");
  freeReplyObject(set);
  freeReplyObject(got);
  freeReplyObject(gone);
}

static void ttl(void) {
  redisReply *reply = checked(one, redisCommand(one, "TTL s"));
  printf("%s\n", reply->integer > 990 && reply->integer <= 1000 ? "in time" : "wrong");
  freeReplyObject(reply);
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  one = connected(arguments[1]);
  two = connected(arguments[2]);

  section("strings");
  SHOW("SET s value EX 100 NX", "SET s again NX", "GET s", "GET missing", "APPEND s !", "GETRANGE s 1 2");
  SHOW("MSET a 1 b 2", "MGET a b missing", "MSETNX b 1 c 2", "INCRBYFLOAT a 0.5", "SETBIT bits 7 1", "BITCOUNT bits");

  section("hashes");
  SHOW("HSET h f v g 2", "HGETALL h", "HINCRBY h g 5", "HMGET h f x", "HDEL h f", "HKEYS h", "HLEN h", "HSETNX h g 1");

  section("lists");
  SHOW("RPUSH l 0 1 2 3 4 5 6 7", "LRANGE l 0 -1", "LPOP l", "RPOP l 2", "LINDEX l -1", "LINSERT l BEFORE 3 x");
  SHOW("LREM l 0 4", "LTRIM l 1 3", "LMOVE l l2 LEFT RIGHT", "LRANGE l2 0 -1", "SORT l ALPHA DESC", "LPOS l 3");

  section("sets");
  SHOW("SADD t a b c", "SADD u b c d", "SINTERCARD 2 t u", "SDIFFSTORE v t u", "SMEMBERS v", "SMOVE t u a", "SCARD u");

  section("sorted sets");
  SHOW("ZADD z 1 a 2.5 b 3 c", "ZADD z GT CH 5 a", "ZRANGE z 0 -1 WITHSCORES", "ZREVRANGEBYSCORE z +inf (1 LIMIT 0 2");
  SHOW("ZUNIONSTORE w 2 z t WEIGHTS 2 1", "ZRANGE w 0 -1 WITHSCORES", "ZPOPMAX w", "ZCOUNT z 0 4", "ZSCORE z no");

  section("transactions");
  SHOW("MULTI", "SET m 1", "INCR m", "LPUSH s x", "GET m", "EXEC", "WATCH m");
  show(two, "INCR m");
  SHOW("MULTI", "SET m 100", "EXEC", "GET m", "WATCH m", "MULTI", "SET m 10", "EXEC", "MULTI", "SET m 0", "DISCARD");
  show(two, "GET m");

  section("pipelines");
  pipelines();

  section("scans");
  scan();

  section("expiry");
  SHOW("EXPIRE s 1000");
  ttl();
  SHOW("PERSIST s", "TTL s", "TTL missing", "PEXPIREAT s 946684800000", "EXISTS s");

  section("binary data");
  binary();

  section("errors");
  SHOW("INCR h", "NOSUCH x", "GET", "SET s v EX 0", "LSET l 99 x", "RENAME none x", "MULTI", "SET k", "EXEC", "GET k");

  section("the end");
  SHOW("SELECT 1", "FLUSHALL", "DBSIZE");
  redisFree(one);
  redisFree(two);
  return 0;
}
