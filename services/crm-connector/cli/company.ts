/** `polyb company`: the built-in booking calendar. */
import { readFile } from 'node:fs/promises';
import { Company } from '../../../contracts/company.ts';
import { isPolybError } from '../../../contracts/kit/errors.ts';
import { askMethod } from '../../../scripts/cli/kernel/ask.ts';
import type { Invocation } from '../../../scripts/cli/kernel/command.ts';
import { refusal, wrongUsage } from '../../../scripts/cli/kernel/failure.ts';
import type { Output } from '../../../scripts/cli/kernel/output.ts';

type Shown = Pick<ReturnType<typeof Company.parse>, 'name' | 'timeZone' | 'services' | 'employees'>;
const days = ['', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

export async function showCompany(invocation: Invocation): Promise<number> {
  const { company } = await askMethod<{ company: Shown | null }>(invocation, 'company.get', which(invocation));
  if (company === null)
    throw refusal('not_found', 'the booking calendar has no company', {
      subject: 'company show',
      effect: 'nothing_done',
      next: ['polyb company import services/crm-connector/salon.json'],
    });
  await draw(invocation.out, company);
  return 0;
}

export async function importCompany(invocation: Invocation): Promise<number> {
  const { args, flags, out } = invocation;
  const [file] = args;
  if (file === undefined)
    throw wrongUsage('expected a file', { subject: 'company import', next: ['polyb company import services/crm-connector/salon.json'] });
  if (/\.csv$/i.test(file)) return (await import('./import-table.ts')).importTable(invocation, file, which(invocation).connection);
  const company = await companyIn(file);
  await draw(out, company);
  if (flags.on('dry-run')) {
    out.note('nothing was changed (--dry-run)', 'ok');
    return 0;
  }
  await askMethod(invocation, 'company.set', { ...which(invocation), company });
  out.note(`the calendar offers ${company.services.length} services of ${company.employees.length} employees`, 'ok');
  return 0;
}

/** @throws PolybError invalid_argument with a line for each mistake. */
async function companyIn(file: string): Promise<ReturnType<typeof Company.parse>> {
  const subject = `company import ${file}`;
  let given: unknown;
  try {
    given = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (isPolybError(error)) throw error;
    throw refusal('invalid_argument', `cannot be read as JSON: ${(error as Error).message}`, { subject, effect: 'nothing_done' });
  }
  const parsed = Company.safeParse(given);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.slice(0, 20).map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`);
  throw refusal('invalid_argument', lines.join('\n'), { subject, effect: 'nothing_done' });
}

async function draw(out: Output, company: Shown): Promise<void> {
  await out.result(company, {
    table: () => ({
      columns: ['EMPLOYEE', 'POSITION', 'SERVICES', 'HOURS'],
      rows: company.employees.map(({ name, position, serviceIds, hours }) => [
        name,
        position ?? '',
        serviceIds.map((id) => company.services.find(({ serviceId }) => serviceId === id)?.name ?? id).join(', '),
        hours.map(({ weekday, from, to }) => `${days[weekday]} ${from}–${to}`).join(', '),
      ]),
    }),
    items: company.employees,
  });
  out.note(`${company.name}, times in ${company.timeZone}`);
}

function which({ flags }: Invocation): { readonly connection: string } {
  return { connection: flags.text('connection') ?? 'main' };
}
