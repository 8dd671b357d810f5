/** The Redis release whose commands, replies and error texts are followed: HELLO, INFO and LOLWUT say it. */
export const REDIS_VERSION = '7.0.15';
