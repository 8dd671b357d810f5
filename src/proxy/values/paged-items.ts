import { limits } from '../../base/limits.ts';
import type { RecordId } from '../../record/state.ts';
import type { PageAccess } from '../../record/value.ts';
import { type BulkItems, StreamedItems } from '../../resp/reply.ts';

/** A reply that lists elements of a collection one after the other. */
export interface Listing {
  readonly kind: BulkItems['kind'];
  /** Elements to be listed, and items of the reply that each makes. */
  readonly elements: number;
  readonly itemsEach: 1 | 2;
  /** About what an element makes of the reply. */
  readonly elementBytes: number;
  /** Encodes the elements from place `from` up to, not including, `to`, in the order of the reply. May throw NeedPages. */
  read(from: number, to: number, pages: PageAccess): BulkItems;
}

/** Elements of a large collection, to be read from its pages while the reply is sent. */
export class PagedItems extends StreamedItems {
  readonly kind: BulkItems['kind'];
  readonly count: number;
  readonly recordId: RecordId;
  readonly listing: Listing;

  constructor(recordId: RecordId, listing: Listing) {
    super();
    this.kind = listing.kind;
    this.count = listing.elements * listing.itemsEach;
    this.recordId = recordId;
    this.listing = listing;
  }
}

/**
 * All of a listing. If `mayStream`, a long one comes as PagedItems: then no page of what it lists is read now. Who asks so
 * has to send the items himself.
 */
export function listed(listing: Listing, pages: PageAccess, mayStream: boolean): BulkItems | PagedItems {
  const { elements, elementBytes } = listing;
  if (mayStream && pages.recordId !== undefined && elements * elementBytes > limits.streamedReplyBytes) {
    return new PagedItems(pages.recordId, listing);
  }
  return listing.read(0, elements, pages);
}
