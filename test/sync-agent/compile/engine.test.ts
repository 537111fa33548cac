import { describe, expect, test } from 'vitest';
import { Channel, Engine } from '../../../sync-agent/compile/engine.ts';

/** Orders of customers: a total for each customer, and a greeting that reads the total. */
function shop() {
  const engine = new Engine();
  const orders = new Channel<{ customer: string; amount: number }>('orders');
  const amounts = new Channel<number>('amounts by customer');
  const customers = new Channel<string>('customers');
  const totals = new Channel<number>('totals');
  const ran: string[] = [];
  const greetings = new Map<string, string>();

  engine.rule(orders, (id, [order], step) => {
    ran.push(`order ${id}`);
    if (order) step.emit(amounts, order.customer, order.amount);
  });
  engine.rule(amounts, (customer, list, step) => {
    ran.push(`total ${customer}`);
    step.emit(
      totals,
      customer,
      Math.min(
        100,
        list.reduce((sum, amount) => sum + amount, 0),
      ),
    );
  });
  const greeted = new Channel<string>('greetings');
  engine.rule(customers, (id, [name = ''], step) => {
    ran.push(`greeting ${id}`);
    step.emit(greeted, id, `${name}: ${step.first(totals, id) ?? 0}`);
  });
  engine.sink(greeted, (id, [text]) => (text === undefined ? greetings.delete(id) : greetings.set(id, text)));
  const sweep = (): string[] => {
    ran.length = 0;
    engine.sweep();
    return [...ran];
  };
  return { engine, orders, customers, totals, greetings, sweep };
}

/** In which order a rule reads facts that came in the given one. */
const seen = (order: readonly string[]): string[] => {
  const engine = new Engine();
  const input = new Channel<string>('input');
  const all = new Channel<string>('all');
  let read: readonly string[] = [];
  engine.rule(input, (id, _, step) => step.emit(all, '', id));
  engine.sink(all, (_, facts) => (read = facts));
  for (const id of order) {
    engine.set(input, id, id);
    engine.sweep();
  }
  return [...read];
};

describe('the engine', () => {
  test('runs what a change concerns, and nothing else', () => {
    const { engine, orders, customers, greetings, sweep } = shop();
    engine.set(customers, 'ann', 'Ann');
    engine.set(customers, 'bob', 'Bob');
    engine.set(orders, '1', { customer: 'ann', amount: 10 });
    engine.set(orders, '2', { customer: 'bob', amount: 20 });
    sweep();
    expect(Object.fromEntries(greetings)).toEqual({ ann: 'Ann: 10', bob: 'Bob: 20' });

    engine.set(orders, '3', { customer: 'ann', amount: 5 });
    expect(sweep()).toEqual(['order 3', 'total ann', 'greeting ann']);
    expect(greetings.get('ann')).toBe('Ann: 15');
  });

  test('stops where the result is the same as before', () => {
    const { engine, orders, customers, sweep } = shop();
    engine.set(customers, 'ann', 'Ann');
    engine.set(orders, '1', { customer: 'ann', amount: 100 });
    sweep();
    engine.set(orders, '2', { customer: 'ann', amount: 1 });
    expect(sweep()).toEqual(['order 2', 'total ann']);
    engine.set(orders, '2', { customer: 'ann', amount: 1 });
    expect(sweep()).toEqual(['order 2']);
  });

  test('takes back what came from a fact that is gone', () => {
    const { engine, orders, customers, greetings, totals, sweep } = shop();
    engine.set(customers, 'ann', 'Ann');
    engine.set(orders, '1', { customer: 'ann', amount: 10 });
    sweep();
    engine.set(orders, '1', { customer: 'bob', amount: 10 });
    sweep();
    expect(greetings.get('ann')).toBe('Ann: 0');
    engine.set(customers, 'ann', undefined);
    engine.set(orders, '1', undefined);
    sweep();
    expect(greetings.size).toBe(0);
    expect([orders.slots.size, totals.slots.size, customers.slots.size]).toEqual([0, 0, 0]);
  });

  test('a rule that now reads something else hears of that, and of what it read before no more', () => {
    const engine = new Engine();
    const pointers = new Channel<string>('pointers');
    const values = new Channel<number>('values');
    const ran: string[] = [];
    engine.rule(pointers, (id, [at = ''], step) =>
      ran.push(`${id} reads ${step.first(values, at)} twice, ${step.first(values, at)}`),
    );
    const after = (change: () => void): string[] => {
      ran.length = 0;
      change();
      engine.sweep();
      return [...ran];
    };
    expect(after(() => engine.set(pointers, 'p', 'a'))).toEqual(['p reads undefined twice, undefined']);
    expect(after(() => engine.set(values, 'a', 1))).toEqual(['p reads 1 twice, 1']);
    engine.set(values, 'b', 2);
    expect(after(() => engine.set(pointers, 'p', 'b'))).toEqual(['p reads 2 twice, 2']);
    expect(after(() => engine.set(values, 'a', 10))).toEqual([]);
    expect(after(() => engine.set(values, 'b', 20))).toEqual(['p reads 20 twice, 20']);
    expect(after(() => engine.set(pointers, 'p', undefined))).toEqual([]);
    expect(after(() => engine.set(values, 'b', undefined))).toEqual([]);
    expect([...values.slots.keys()]).toEqual(['a']);
  });

  test('one rule may say several things under one key, in its own order, among those of others', () => {
    const engine = new Engine();
    const words = new Channel<string>('words');
    const letters = new Channel<string>('letters');
    let all = '';
    engine.rule(words, (_, [word = ''], step) => {
      for (const letter of word) step.emit(letters, '', letter);
    });
    engine.sink(letters, (_, list) => (all = list.join('')));
    const after = (key: string, word: string | undefined): string => {
      engine.set(words, key, word);
      engine.sweep();
      return all;
    };
    expect(after('2', 'world')).toBe('world');
    expect(after('1', 'hello')).toBe('helloworld');
    expect(after('2', 'l')).toBe('hellol');
    expect(after('1', undefined)).toBe('l');
    expect(after('2', undefined)).toBe('');
  });

  test('gives facts in an order that follows from their origin, not from when they came', () => {
    expect(seen(['c', 'a', 'b'])).toEqual(['a', 'b', 'c']);
    expect(seen(['b', 'c', 'a', 'b'])).toEqual(['a', 'b', 'c']);
  });

  test('refuses a rule that reads what a later one emits, because it would miss changes', () => {
    const engine = new Engine();
    const input = new Channel<number>('input');
    const late = new Channel<number>('late');
    engine.rule(input, (key, _, step) => void step.read(late, key));
    engine.rule(input, (key, [value = 0], step) => step.emit(late, key, value));
    engine.set(input, 'a', 1);
    expect(() => engine.sweep()).toThrow('rule 0 reads late, which rule 1 emits after it');
  });
});
