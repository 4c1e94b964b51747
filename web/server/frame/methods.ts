// The methods that routes may have, and where our own API is.

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

export const OWN_API = '/api/lonedot/v1';
