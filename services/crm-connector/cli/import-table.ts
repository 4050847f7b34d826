/** `polyb company import FILE.csv`: services or clients from the table of another booking system. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type CsvRows, type CsvTable, csvTable } from '../../../adapters/vendors/dikidi/csv.ts';
import type { Company } from '../../../contracts/company.ts';
import { askMethod } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { confirm } from '../../../scripts/cli/kernel/confirm.ts';
import { refusal, wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import { type CsvEncoding, csvRows, csvText, delimiterOf } from '../../../scripts/csv.ts';

type CompanyValue = ReturnType<typeof Company.parse>;
const subject = 'company import';
const shownRows = 5;
const mostRows = 10_000;
const encodings: readonly string[] = ['utf-8', 'windows-1251'] satisfies readonly CsvEncoding[];

export async function importTable(invocation: Invocation, file: string, connection: string): Promise<number> {
  const { flags } = invocation;
  const table = flags.text('table') ?? 'services';
  const encoding = flags.text('encoding');
  if (encoding !== undefined && !encodings.includes(encoding))
    throw wrongUsage(`expected the encoding ${encodings.join(' or ')}, got "${encoding}"`, { subject });
  const text = csvText(await contentOf(file), encoding as CsvEncoding | undefined); // Checked above.
  const rows: Readonly<Record<string, string | null>>[] = [];
  for await (const row of csvRows([text], delimiterOf(text))) rows.push(row);
  if (rows.length === 0 || rows.length > mostRows)
    throw refusal('invalid_argument', `expected 1 to ${mostRows} rows below the header, got ${rows.length}`, { subject });
  const columns = await columnsIn(flags.text('columns'));

  if (table === 'clients') {
    // Clients have no times, so no zone matters.
    const clients = rowsOf(csvTable('clients', rows, { columns, timeZone: 'UTC' }));
    if (!(await isConfirmed(invocation, clients, `${clients.length} clients will be created, unless one with the phone exists`))) return 0;
    let created = 0;
    for (const { name, phoneNumber, email } of clients) {
      const client = { name, phoneNumber, ...(email !== null && { email }) };
      const answer = await askMethod<{ created: boolean }>(invocation, 'booking.create_client', { connection, ...client });
      if (answer.created) created += 1;
    }
    invocation.out.note(`${created} of ${clients.length} clients were created; the others existed`, 'ok');
    return 0;
  }
  if (table !== 'services') throw wrongUsage(`expected the table services or clients, got "${table}"`, { subject });
  const { company } = await askMethod<{ company: CompanyValue | null }>(invocation, 'company.get', { connection });
  if (company === null)
    throw refusal('not_found', 'the calendar has no company to which services can be added; a table has no hours', {
      subject,
      effect: 'nothing_done',
      next: ['polyb company import services/crm-connector/salon.json'],
    });
  const services = rowsOf(csvTable('services', rows, { columns, timeZone: company.timeZone }));
  const merged = withServices(company, services);
  const question = `${merged.added} services will be added, for every employee, and ${merged.changed} changed`;
  if (!(await isConfirmed(invocation, services, question))) return 0;
  await askMethod(invocation, 'company.set', { connection, company: merged.company });
  invocation.out.note(`the calendar offers ${merged.company.services.length} services`, 'ok');
  return 0;
}

/**
 * The company with the services of a table, which are matched by name. Services that the table lacks stay.
 * @throws PolybError invalid_argument if a new service has no duration.
 */
export function withServices(
  company: CompanyValue,
  rows: readonly CsvRows['services'][],
): { readonly company: CompanyValue; readonly added: number; readonly changed: number } {
  const plain = (name: string) => name.trim().toLowerCase();
  const services = new Map(company.services.map((service) => [plain(service.name), service]));
  const added: string[] = [];
  let changed = 0;
  for (const { name, category, durationMinutes, price } of rows) {
    const before = services.get(plain(name));
    const length = durationMinutes ?? before?.durationMinutes;
    if (length === undefined) throw refusal('invalid_argument', `the new service "${name}" has no duration`, { subject });
    const serviceId = before?.serviceId ?? `s-${createHash('sha256').update(plain(name)).digest('hex').slice(0, 12)}`;
    const after = {
      bufferMinutes: 0,
      ...before,
      serviceId,
      name,
      durationMinutes: length,
      ...(category !== null && { category }),
      ...(price !== null && { price }),
    };
    if (before === undefined) added.push(serviceId);
    else if (JSON.stringify(before) !== JSON.stringify({ ...before, ...after })) changed += 1;
    services.set(plain(name), after);
  }
  const employees = company.employees.map((each) => ({ ...each, serviceIds: [...each.serviceIds, ...added] }));
  return { company: { ...company, services: [...services.values()], employees }, added: added.length, changed };
}

/** The first rows are shown before anything is written. */
async function isConfirmed({ out, flags, signal }: Invocation, rows: readonly object[], question: string): Promise<boolean> {
  const first = rows.slice(0, shownRows);
  const names = Object.keys(first[0] ?? {});
  const cell = (value: unknown) => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? ''));
  await out.result(
    { rows: first, total: rows.length },
    {
      table: () => ({
        columns: names.map((name) => name.toUpperCase()),
        rows: first.map((row) => names.map((name) => cell((row as Readonly<Record<string, unknown>>)[name]))),
      }),
      items: first,
    },
  );
  if (rows.length > first.length) out.note(`and ${rows.length - first.length} more rows`);
  if (flags.on('dry-run')) {
    out.note(`${question}; nothing was changed (--dry-run)`, 'ok');
    return false;
  }
  await confirm(question, { out, signal, subject });
  return true;
}

/** @throws PolybError invalid_argument with a line for each cell that cannot be read. */
function rowsOf<T>({ rows, problems }: CsvTable<T>): readonly T[] {
  if (problems.length === 0) return rows;
  const lines = problems
    .slice(0, 20)
    .map(({ row, column, expected }) => `${row === 0 ? 'header' : `row ${row}`}, ${column}: expected ${expected}`);
  const more = problems.length > lines.length ? [`and ${problems.length - lines.length} more`] : [];
  throw refusal('invalid_argument', [...lines, ...more].join('\n'), { subject, effect: 'nothing_done' });
}

async function contentOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw refusal('invalid_argument', `${file} cannot be read: ${(error as Error).message}`, { subject, effect: 'nothing_done' });
  }
}
async function columnsIn(file: string | undefined): Promise<Readonly<Record<string, string>> | undefined> {
  if (file === undefined) return undefined;
  const parsed = z.record(z.string(), z.string()).safeParse(jsonIn((await contentOf(file)).toString('utf8')));
  if (!parsed.success) throw wrongUsage(`expected ${file} to be an object such as {"name": "Наименование"}`, { subject });
  return parsed.data;
}
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // The schema then refuses it.
  }
}
