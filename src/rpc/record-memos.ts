/**
 * Where storage nodes of this process have a record, each in a place of its own: fields of its address and not a list, which
 * would be two more blocks of memory to wait for. Never sent.
 */
export interface RecordMemos {
  memo0?: object | undefined;
  memo1?: object | undefined;
  memo2?: object | undefined;
  memo3?: object | undefined;
  memo4?: object | undefined;
}
