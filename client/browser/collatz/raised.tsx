/** Text with its superscript digits as markup: the page's fonts have only some of these characters. */
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

export function Raised({ text }: { readonly text: string }) {
  return (
    <>
      {text
        .split(/([⁰¹²³⁴⁵⁶⁷⁸⁹]+)/)
        .map((part, i) =>
          i % 2 === 0 ? (
            part
          ) : (
            <sup key={i}>{part.replace(/./g, (digit) => String(SUPERSCRIPTS.indexOf(digit)))}</sup>
          ),
        )}
    </>
  );
}
