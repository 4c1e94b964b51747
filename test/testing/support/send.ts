// Sends mail as a program under test would: with nodemailer, over SMTP.
import { createTransport, type SendMailOptions } from 'nodemailer';
import type { MailScope } from '../../../testing/index.ts';

export async function send(sink: Pick<MailScope, 'smtp'>, mail: SendMailOptions): Promise<void> {
  const transport = createTransport({ ...sink.smtp, name: 'app.example.com' });
  try {
    await transport.sendMail({
      from: 'app@example.com',
      to: 'bob@example.com',
      subject: 'Hello',
      text: 'Hi.',
      ...mail,
    });
  } finally {
    transport.close();
  }
}
