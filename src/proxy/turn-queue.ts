import type { Clock } from '../base/clock.ts';

/** Somebody with work to do at the end of a turn of the event loop. */
export interface TurnMember {
  endTurn(): void;
}

/** Calls its members at the end of the turn in which they were added: one function for the clock, however many they are. */
export class TurnQueue {
  readonly #clock: Clock;
  #members: TurnMember[] = [];
  readonly #run = (): void => {
    const members = this.#members;
    this.#members = [];
    for (const member of members) member.endTurn();
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Once per turn: the member looks after that itself. Those added while the turn ends belong to it, too. */
  add(member: TurnMember): void {
    if (this.#members.push(member) === 1) this.#clock.endOfTurn(this.#run);
  }
}
