import type { Message, ObjectView } from '../jsonrpc/message.ts';
import { jsonString } from '../jsonrpc/write.ts';
import { enclosingResources } from '../protocol/sub-resources.ts';

/**
 * One thing a listener can be told of, as a word: `tools`, `prompts`, `resources`, `resource <uri>`, `task <id>`. A filter
 * is a set of them, so that union, intersection and the way of an event are look-ups.
 */
export type Topic = string;

const RESOURCE = 'resource ';
const TASK = 'task ';

/** Members of a filter that are true or false (MCP 2026-07-28, SubscriptionFilter). */
const CHANGES: readonly (readonly [member: string, topic: Topic])[] = [
  ['toolsListChanged', 'tools'],
  ['promptsListChanged', 'prompts'],
  ['resourcesListChanged', 'resources'],
];
/** Members that are lists of names. `taskIds` is the tasks extension's. */
const LISTS: readonly (readonly [member: string, prefix: string])[] = [
  ['resourceSubscriptions', RESOURCE],
  ['taskIds', TASK],
];
const CHANGE_TOPICS: ReadonlyMap<string, Topic> = new Map([
  ['notifications/tools/list_changed', 'tools'],
  ['notifications/prompts/list_changed', 'prompts'],
  ['notifications/resources/list_changed', 'resources'],
]);

/**
 * What a filter asks for. Members nobody knows are left out: what is not understood is not asked for either.
 * @returns what is wrong, beginning with the name of the member, when one is not what it must be
 */
export function readTopics(filter: ObjectView, maxTopics: number): ReadonlySet<Topic> | { readonly wrong: string } {
  const topics = new Set<Topic>();
  for (const [member, topic] of CHANGES) {
    const asked = filter.boolean(member);
    if (asked === undefined && filter.has(member)) return { wrong: `${member} must be true or false` };
    if (asked === true) topics.add(topic);
  }
  for (const [member, prefix] of LISTS) {
    if (!filter.has(member)) continue;
    const names = filter.json(member);
    const wrong = `${member} must be a list of at most ${maxTopics} strings`;
    if (!Array.isArray(names) || names.length > maxTopics) return { wrong };
    for (const name of names) {
      if (typeof name !== 'string') return { wrong };
      topics.add(prefix + name);
    }
  }
  return topics;
}

/** The filter that asks for these topics, as JSON text. */
export function writeTopics(topics: Iterable<Topic>): string {
  const all = new Set(topics);
  const members: string[] = [];
  for (const [member, topic] of CHANGES) if (all.has(topic)) members.push(`"${member}":true`);
  for (const [member, prefix] of LISTS) {
    const names = [...all].filter((topic) => topic.startsWith(prefix)).map((topic) => topic.slice(prefix.length));
    if (names.length > 0) members.push(`"${member}":[${names.map(jsonString).join(',')}]`);
  }
  return `{${members.join(',')}}`;
}

/** What a notification tells of; undefined when it has no place in a subscription. */
export function topicOf(message: Message): Topic | undefined {
  const { method, params } = message;
  if (method === 'notifications/resources/updated') return named(RESOURCE, params?.string('uri'));
  if (method === 'notifications/tasks') return named(TASK, params?.string('taskId'));
  return CHANGE_TOPICS.get(method ?? '');
}

/** What a listener may have asked for to hear of this, beside the topic itself: of a resource, those it lies in. */
export function widerTopics(topic: Topic): readonly Topic[] {
  const uri = resourceOf(topic);
  return uri === undefined ? [] : Array.from(enclosingResources(uri), (wider) => RESOURCE + wider);
}

/** Whether who asked for these hears of this. */
export function tellsOf(topics: ReadonlySet<Topic>, topic: Topic): boolean {
  return topics.has(topic) || widerTopics(topic).some((wider) => topics.has(wider));
}

/** The resource a topic is about. */
export function resourceOf(topic: Topic): string | undefined {
  return topic.startsWith(RESOURCE) ? topic.slice(RESOURCE.length) : undefined;
}

export function taskTopic(id: string): Topic {
  return TASK + id;
}

/** The task a topic is about. */
export function taskOf(topic: Topic): string | undefined {
  return topic.startsWith(TASK) ? topic.slice(TASK.length) : undefined;
}

export function covers(wide: ReadonlySet<Topic>, topics: ReadonlySet<Topic>): boolean {
  for (const topic of topics) if (!wide.has(topic)) return false;
  return true;
}

export function intersection(one: ReadonlySet<Topic>, other: ReadonlySet<Topic>): ReadonlySet<Topic> {
  const both = new Set<Topic>();
  for (const topic of one) if (other.has(topic)) both.add(topic);
  return both;
}

function named(prefix: string, name: string | undefined): Topic | undefined {
  return name === undefined ? undefined : prefix + name;
}
