import babel from '@babel/core';

const { types } = babel;

/** Each guard loosened, each bound moved by one, each value another, each column left as it is. */
const changes = [
  [/\bAND\b/g, 'OR'],
  [/\bNOT IN\b/g, 'IN'],
  [/<>/g, '='],
  [/<=/g, '<'],
  [/>=/g, '>'],
  [/<(?![=>])/g, '<='],
  [/[+-] 1\b/g, '+ 0'],
  [/'[a-z-]+'/g, "'another'"],
  [/(\w+) = (?:NULL|0|1)\b/g, '$1 = $1'],
  [/(\w+) = $/g, '$1 = 0 * '],
  [/ORDER BY \w+/g, '$& DESC'],
];

/** Stryker's own leaves a statement as it is or takes all of it away. */
export const sqlMutator = {
  name: 'Sql',
  *mutate({ node }) {
    if (types.isTaggedTemplateExpression(node) && node.tag.name === 'sql') {
      const { quasis, expressions } = node.quasi;
      for (const [index, { value }] of quasis.entries()) {
        for (const text of changed(value.raw)) {
          const others = quasis.map((quasi, at) =>
            types.templateElement({ raw: at === index ? text : quasi.value.raw }, quasi.tail),
          );
          yield types.taggedTemplateExpression(
            types.cloneNode(node.tag),
            types.templateLiteral(
              others,
              expressions.map((expression) => types.cloneNode(expression)),
            ),
          );
        }
      }
    }
    if (types.isCallExpression(node) && node.callee.name === 'raw' && types.isStringLiteral(node.arguments[0])) {
      for (const text of changed(node.arguments[0].value))
        yield types.callExpression(types.cloneNode(node.callee), [types.stringLiteral(text)]);
    }
  },
};

function* changed(text) {
  for (const [pattern, replacement] of changes) {
    for (const { 0: found, index } of text.matchAll(pattern)) {
      const rest = text.slice(index);
      yield text.slice(0, index) + rest.replace(new RegExp(pattern.source), replacement);
      if (found === '') return;
    }
  }
}
