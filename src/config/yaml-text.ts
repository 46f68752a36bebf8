import { type Document, isAlias, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';

/** A YAML document with what is wrong with it; `place` gives `line:column` of an offset in its text. */
export interface YamlText {
  readonly document: Document;
  readonly defects: readonly { readonly place: string; readonly text: string }[];
  place(offset: number): string;
}

/** Parses YAML 1.2 (so JSON too) without tags, anchors and aliases, which a configuration has no use for. */
export function parseYaml(text: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${line}:${col}`;
  };
  const defects = [...document.errors, ...document.warnings].map((error) => ({
    place: place(error.pos[0]),
    text: `found a YAML error, ${withoutExcerpt(error)}`,
  }));
  visit(document, {
    Node(_, node) {
      const anchored = isAlias(node) || ('anchor' in node && node.anchor !== undefined);
      if (!anchored) return undefined;
      defects.push({ place: place(node.range?.[0] ?? 0), text: 'found an anchor or alias, allowed are plain values' });
      return visit.BREAK;
    },
  });
  return { document, defects, place };
}

/** What to say in place of messages that are mostly a quotation. */
const OWN_WORDS: Readonly<Record<string, string>> = {
  TAG_RESOLVE_FAILED: 'a tag (!…) that is not supported',
  BAD_COLLECTION_TYPE: 'a tag (!…) that is not supported',
  BAD_DIRECTIVE: 'a directive (%…) that is not supported',
  MULTIPLE_DOCS: 'more than one document',
};

/** The parser's message without what it quotes of the text, which could be a secret. */
function withoutExcerpt({ code, message }: YAMLError): string {
  const [line = ''] = message.split('\n');
  return (
    OWN_WORDS[code] ?? line.replace(/(?<=\w): .*$/, '').replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())
  );
}
