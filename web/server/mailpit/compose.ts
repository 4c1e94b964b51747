// Builds a mail out of the fields of POST /api/v1/send. The only place that knows nodemailer's composer.
import MailComposer from 'nodemailer/lib/mail-composer';

export interface NamedAddress {
  readonly name: string;
  readonly address: string;
}

export interface Composition {
  readonly from: NamedAddress;
  readonly to: readonly NamedAddress[];
  readonly cc: readonly NamedAddress[];
  readonly replyTo: readonly NamedAddress[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly attachments: readonly {
    readonly content: Buffer;
    readonly fileName: string;
    /** '' to tell it from the name. */
    readonly contentType: string;
    /** '' for one that the HTML does not show. */
    readonly contentId: string;
  }[];
}

export async function compose(mail: Composition): Promise<Buffer> {
  const { from, to, cc, replyTo, subject, text, html, headers, attachments } = mail;
  const composer = new MailComposer({
    from,
    to: [...to],
    cc: [...cc],
    replyTo: [...replyTo],
    subject,
    text,
    ...(html === '' ? {} : { html }),
    headers: headers.map(([key, value]) => ({ key, value })),
    attachments: attachments.map(({ content, fileName, contentType, contentId }) => ({
      content,
      filename: fileName === '' ? false : fileName,
      ...(contentType === '' ? {} : { contentType }),
      ...(contentId === '' ? {} : { cid: contentId, contentDisposition: 'inline' as const }),
    })),
    newline: '\r\n',
    // Nothing is read from anywhere: everything is in the request.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}
