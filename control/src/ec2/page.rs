//! Describe calls: ids, filters, and `MaxResults` and `NextToken`.

use super::filter::{Filters, Values};
use super::params::Params;
use super::xml::Xml;
use crate::model::{Lookup, Model, Result, refuse};

/// How Describe calls of one kind of resource go.
pub(super) struct Describe<T> {
    /// The parameter that lists ids.
    pub(super) ids: &'static str,
    /// Names of filters.
    pub(super) filters: &'static [&'static str],
    /// What a resource has under a filter's name.
    pub(super) values: for<'a> fn(&'a Model, &'a T, &str) -> Values<'a>,
    /// The list in the answer.
    pub(super) set: &'static str,
    /// One element of it.
    pub(super) write: fn(&mut Xml, &Model, &T),
}

impl<T: Lookup> Describe<T> {
    /// All resources of this kind, those of the given ids (each must exist), those that pass the filters; page by page.
    pub(super) fn run(&self, m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
        self.run_among(m, p, x, |_| true)
    }

    /// Only those that `among` lets through.
    pub(super) fn run_among(&self, m: &Model, p: &Params, x: &mut Xml, among: impl Fn(&T) -> bool) -> Result<()> {
        let filters = Filters::read(p, self.filters)?;
        let wanted = p.ids(self.ids);
        let shelf = T::shelf(m);
        let all: Box<dyn Iterator<Item = &T>> = if wanted.is_empty() {
            Box::new(shelf.iter())
        } else {
            let mut named = wanted.iter().map(|id| m.find::<T>(id)).collect::<Result<Vec<_>>>()?;
            named.sort_by_key(|t| shelf.place(t.id()));
            named.dedup_by_key(|t| t.id());
            Box::new(named.into_iter())
        };
        let kept = all.filter(|t| among(t) && filters.pass(m, t.id(), |name| (self.values)(m, t, name)));
        let page = Page::cut(p, kept.filter_map(|t| Some((shelf.place(t.id())?, t))))?;
        page.write(x, self.set, |x, t| (self.write)(x, m, t));
        Ok(())
    }
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page<T> {
    items: Vec<T>,
    /// Where the next one begins, if there is one.
    next: Option<u64>,
}

impl<T> Page<T> {
    /// Cuts a page out of `items`, each with a place that rises and never changes (a place in the order of creation). Without
    /// `MaxResults` all are on it. A token past the end gives an empty page.
    pub(super) fn cut(p: &Params, items: impl Iterator<Item = (u64, T)>) -> Result<Page<T>> {
        let max: Option<i64> = p.parsed("MaxResults")?;
        let max = match max {
            Some(n) if n < 1 => {
                return refuse(
                    "InvalidParameterValue",
                    format!("Value ( {n} ) for parameter maxResults is invalid. Expecting a value greater than 0."),
                );
            }
            Some(n) => usize::try_from(n).unwrap_or(usize::MAX).clamp(1, 1000),
            None => usize::MAX,
        };
        let from = match p.text("NextToken") {
            Some(token) => match token.strip_prefix("vpcd-").and_then(|t| u64::from_str_radix(t, 16).ok()) {
                Some(from) => from,
                None => return refuse("InvalidNextToken", format!("The token '{token}' is invalid.")),
            },
            None => 0,
        };
        let mut rest = items.skip_while(|(place, _)| *place < from).peekable();
        let mut page = Vec::new();
        while page.len() < max
            && let Some((_, item)) = rest.next()
        {
            page.push(item);
        }
        Ok(Page { items: page, next: rest.peek().map(|(place, _)| *place) })
    }

    /// The list, and `nextToken` if more follows.
    pub(super) fn write(self, x: &mut Xml, name: &str, each: impl FnMut(&mut Xml, T)) {
        let next = self.next;
        x.list(name, self.items, each);
        next_token(x, next);
    }

    /// What is on it, for answers with more than one list; [`Page::write_next`] follows.
    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    /// `nextToken` if more follows.
    pub(super) fn write_next(&self, x: &mut Xml) {
        next_token(x, self.next);
    }
}

fn next_token(x: &mut Xml, next: Option<u64>) {
    x.maybe("nextToken", next.map(|n| format!("vpcd-{n:016x}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(members: &[(&str, &str)]) -> Result<Page<u64>> {
        // Places with gaps, as after deletions.
        Page::cut(&Params::new(members.iter().copied()), (0..20).map(|i| (3 * i, i)))
    }

    #[test]
    fn pages_follow_one_another() {
        let first = cut(&[("MaxResults", "8")]).unwrap();
        assert_eq!((first.items, first.next), ((0..8).collect(), Some(24)));
        let second = cut(&[("MaxResults", "1000"), ("NextToken", "vpcd-18")]).unwrap();
        assert_eq!((second.items, second.next), ((8..20).collect(), None));
        assert_eq!(cut(&[]).unwrap().items.len(), 20);
        assert!(cut(&[("NextToken", "vpcd-ffff")]).unwrap().items.is_empty());
    }

    #[test]
    fn other_peoples_tokens_are_refused() {
        assert_eq!(cut(&[("NextToken", "x")]).unwrap_err().code, "InvalidNextToken");
        assert_eq!(cut(&[("MaxResults", "0")]).unwrap_err().code, "InvalidParameterValue");
        assert_eq!(cut(&[("MaxResults", "many")]).unwrap_err().code, "InvalidParameterValue");
    }
}
