// The shapes that the server sends. Mailpit's are in PascalCase (its API v1); the others are our own API's.

export interface Addr {
  readonly Name: string;
  readonly Address: string;
}

export interface Summary {
  readonly ID: string;
  readonly MessageID: string;
  readonly Read: boolean;
  readonly From: Addr | null;
  readonly To: readonly Addr[] | null;
  readonly Cc: readonly Addr[] | null;
  readonly Bcc: readonly Addr[] | null;
  readonly Subject: string;
  /** RFC 3339. */
  readonly Created: string;
  readonly Username: string;
  readonly Tags: readonly string[];
  readonly Size: number;
  readonly Attachments: number;
  readonly Snippet: string;
}

export interface List {
  /** All, whatever the search. */
  readonly total: number;
  readonly unread: number;
  /** Those that match. */
  readonly messages_count: number;
  readonly messages_unread: number;
  readonly start: number;
  readonly tags: readonly string[];
  readonly messages: readonly Summary[];
}

export interface Attachment {
  readonly PartID: string;
  readonly FileName: string;
  readonly ContentType: string;
  readonly ContentID: string;
  readonly Size: number;
  readonly Checksums: { readonly MD5: string; readonly SHA1: string; readonly SHA256: string };
}

export interface Message {
  readonly ID: string;
  readonly MessageID: string;
  readonly From: Addr | null;
  readonly To: readonly Addr[];
  readonly Cc: readonly Addr[];
  readonly Bcc: readonly Addr[];
  readonly ReplyTo: readonly Addr[];
  readonly ReturnPath: string;
  readonly Subject: string;
  readonly ListUnsubscribe: {
    readonly Header: string;
    readonly Links: readonly string[];
    readonly Errors: string;
    readonly HeaderPost: string;
  };
  readonly Date: string;
  readonly Tags: readonly string[];
  readonly Username: string;
  readonly Text: string;
  readonly HTML: string;
  readonly Size: number;
  readonly Inline: readonly Attachment[];
  readonly Attachments: readonly Attachment[];
}

export interface WebUi {
  readonly Label: string;
  readonly MessageRelay: {
    readonly Enabled: boolean;
    readonly SMTPServer: string;
    readonly AllowedRecipients: string;
    readonly BlockedRecipients: string;
  };
  readonly SpamAssassin: boolean;
  readonly ChaosEnabled: boolean;
  readonly HideDeleteAllButton: boolean;
}

export interface HtmlWarning {
  readonly Slug: string;
  readonly Title: string;
  readonly Description: string;
  readonly URL: string;
  readonly Category: string;
  readonly Results: readonly {
    readonly Name: string;
    readonly Family: string;
    readonly Platform: string;
    readonly Version: string;
    readonly Support: 'yes' | 'no' | 'partial';
    readonly NoteNumber: string;
  }[];
  readonly NotesByNumber: Readonly<Record<string, string>>;
  readonly Score: {
    readonly Found: number;
    readonly Supported: number;
    readonly Partial: number;
    readonly Unsupported: number;
  };
}

export interface HtmlCheck {
  readonly Warnings: readonly HtmlWarning[] | null;
  readonly Total: {
    readonly Tests: number;
    readonly Nodes: number;
    readonly Supported: number;
    readonly Partial: number;
    readonly Unsupported: number;
  };
}

export interface LinkCheck {
  readonly Errors: number;
  readonly Links: readonly { readonly URL: string; readonly StatusCode: number; readonly Status: string }[] | null;
}

export interface SpamCheck {
  readonly IsSpam: boolean;
  readonly Error: string;
  readonly Score: number;
  readonly Rules: readonly { readonly Score: number; readonly Name: string; readonly Description: string }[] | null;
}

/** A frame of the WebSocket. */
export type LiveEvent =
  | { readonly Type: 'new'; readonly Data: Summary }
  | {
      readonly Type: 'update';
      readonly Data: { readonly ID: string; readonly Read?: boolean; readonly Tags?: readonly string[] };
    }
  | { readonly Type: 'delete'; readonly Data: { readonly ID: string } }
  | { readonly Type: 'truncate' | 'prune'; readonly Data: null }
  | {
      readonly Type: 'stats';
      readonly Data: { readonly Total: number; readonly Unread: number; readonly Version: string };
    }
  | {
      readonly Type: 'error';
      readonly Data: { readonly Level: string; readonly Type: string; readonly IP: string; readonly Message: string };
    };
