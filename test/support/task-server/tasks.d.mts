export interface TaskMessage {
  readonly id?: string | number;
  readonly method: string;
  readonly params?: unknown;
}

export class TaskServer {
  readonly received: TaskMessage[];
  handle(message: TaskMessage, push: (message: object) => void): object | undefined;
  gone(id: string | number): void;
}
