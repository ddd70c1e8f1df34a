/** What a server can make the gateway look up for one update is bounded. */
const LONGEST_URI = 4_096;
const MOST_ENCLOSING = 32;
/** A path that climbs lies elsewhere than it begins. */
const CLIMBS = /[/\\](?:\.|%2e){2}(?:[/\\?#]|$)/i;

/**
 * The resources one resource lies in, by their URIs, nearest first and few: an update names what changed, which "might
 * be a sub-resource of the one that the client actually subscribed to" (schema 2025-11-25 and 2026-07-28,
 * ResourceUpdatedNotificationParams). A URI lies in another that it goes on from with a path segment, a query or a fragment.
 */
export function enclosingResources(uri: string): ReadonlySet<string> {
  if (uri.length > LONGEST_URI || CLIMBS.test(uri)) return NONE;
  const enclosing = new Set<string>();
  for (let at = uri.length - 1; at > 0 && enclosing.size < MOST_ENCLOSING; at -= 1) {
    const mark = uri[at];
    if (mark !== '/' && mark !== '?' && mark !== '#') continue;
    if (mark === '/' && at < uri.length - 1) enclosing.add(uri.slice(0, at + 1));
    enclosing.add(uri.slice(0, at));
  }
  return enclosing;
}

const NONE: ReadonlySet<string> = new Set();
