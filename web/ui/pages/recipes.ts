// How to send a first mail, in lines that can be copied and run as they stand.

export interface Recipe {
  readonly title: string;
  /** What has to be there; '' for nothing. */
  readonly needs: string;
  readonly code: string;
}

const FROM = 'me@example.com';
const TO = 'you@example.com';
const NODEMAILER = 'nodemailer';

export function recipesFor(host: string, port: number): Recipe[] {
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return [
    {
      title: 'swaks',
      needs: '',
      code: `swaks --server ${host} --port ${port} \\
  --from ${FROM} --to ${TO} \\
  --header 'Subject: Hello' --body 'It works.'`,
    },
    {
      title: 'curl',
      needs: '',
      code: `printf '%s\\r\\n' 'From: ${FROM}' 'To: ${TO}' 'Subject: Hello' '' 'It works.' |
  curl -sS -T - 'smtp://${authority}' \\
    --mail-from ${FROM} --mail-rcpt ${TO}`,
    },
    {
      title: NODEMAILER,
      needs: `npm install ${NODEMAILER}`,
      code: `import { createTransport } from '${NODEMAILER}';

const transport = createTransport({ host: '${host}', port: ${port}, secure: false });
await transport.sendMail({
  from: '${FROM}',
  to: '${TO}',
  subject: 'Hello',
  text: 'It works.',
});`,
    },
    {
      title: 'Python',
      needs: '',
      code: `import smtplib
from email.message import EmailMessage

mail = EmailMessage()
mail['From'], mail['To'] = '${FROM}', '${TO}'
mail['Subject'] = 'Hello'
mail.set_content('It works.')
with smtplib.SMTP('${host}', ${port}) as smtp:
    smtp.send_message(mail)`,
    },
    {
      title: 'PHP',
      needs: 'composer require phpmailer/phpmailer',
      code: `<?php
require 'vendor/autoload.php';

$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mail->isSMTP();
$mail->Host = '${host}';
$mail->Port = ${port};
$mail->SMTPAutoTLS = false;
$mail->setFrom('${FROM}');
$mail->addAddress('${TO}');
$mail->Subject = 'Hello';
$mail->Body = 'It works.';
$mail->send();`,
    },
    {
      title: 'Django',
      needs: 'settings.py',
      code: `EMAIL_BACKEND = 'django.core.mail.backends.smtp.EmailBackend'
EMAIL_HOST = '${host}'
EMAIL_PORT = ${port}
EMAIL_USE_TLS = False

# ./manage.py sendtestemail ${TO}`,
    },
    {
      title: 'Rails',
      needs: 'config/environments/development.rb',
      code: `config.action_mailer.delivery_method = :smtp
config.action_mailer.smtp_settings = {
  address: '${host}',
  port: ${port},
  enable_starttls: false
}`,
    },
    {
      title: 'Laravel',
      needs: '.env',
      code: `MAIL_MAILER=smtp
MAIL_HOST=${host}
MAIL_PORT=${port}
MAIL_USERNAME=null
MAIL_PASSWORD=null`,
    },
    {
      title: 'Spring',
      needs: 'application.properties',
      code: `spring.mail.host=${host}
spring.mail.port=${port}
spring.mail.properties.mail.smtp.auth=false
spring.mail.properties.mail.smtp.starttls.enable=false`,
    },
  ];
}

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);

export interface Place {
  readonly host: string;
  readonly port: number;
}

/**
 * Where programs beside the reader reach the server. `hostname` is the name by which the reader reached the page: a
 * server on every interface is reached by it as well. Undefined when it listens on no port.
 */
export function reachable(addresses: readonly string[], hostname: string): Place | undefined {
  for (const address of addresses) {
    const found = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(address);
    if (found === null) continue;
    const host = found[1] ?? found[2] ?? '';
    return { host: WILDCARDS.has(host) ? hostname.replace(/^\[|\]$/g, '') : host, port: Number(found[3]) };
  }
  return undefined;
}
