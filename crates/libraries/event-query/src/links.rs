//! Links from one page to the others.

use crate::cursor::Cursor;
use crate::dialect::Dialect;
use crate::parameter::Parameter;
use crate::position::{Position, Total};
use crate::query::{EventQuery, is_relative, skipped_before};
use crate::query_string::push_pair;

/// Links to the other pages, host-relative like SparkPost's. A page that does not exist has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    pub first: Option<String>,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub last: Option<String>,
}

/// The form of `links`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkForm {
    /// `{"next":"…"}`, as in the Events API.
    Object,
    /// `[{"href":"…","rel":"next"}]`, as in the older Message Events API.
    List,
}

impl EventQuery {
    /// The links of a page whose last row, `more_after`, is followed by more events. They carry all parameters of this
    /// request, with the names and values that the caller chose.
    pub fn links(&self, dialect: Dialect, more_after: Option<Position>, total: Total) -> Links {
        match dialect {
            Dialect::Events => self.next_link(dialect.path(), more_after, total),
            Dialect::MessageEvents => self.page_links(dialect.path(), more_after, total),
        }
    }

    /// The form of `links`.
    pub fn link_form(&self, dialect: Dialect) -> LinkForm {
        match dialect {
            Dialect::Events if !self.wants_link_list() => LinkForm::Object,
            Dialect::Events | Dialect::MessageEvents => LinkForm::List,
        }
    }

    fn next_link(&self, path: &str, more_after: Option<Position>, total: Total) -> Links {
        let next = more_after.map(|last| {
            let mut link = self.link(path);
            push_pair(&mut link, "cursor", &self.cursor(last, total));
            link
        });
        Links {
            next,
            ..Links::default()
        }
    }

    /// The next page has a cursor too: its number alone would be a number of rows to skip, which changes when events
    /// arrive meanwhile. The last page is known only with the total. A page that lies too deep for its number has no link.
    fn page_links(&self, path: &str, more_after: Option<Position>, total: Total) -> Links {
        let to_page = |number: u32| {
            let mut link = self.link(path);
            self.push_range(&mut link);
            push_pair(&mut link, "page", &number.to_string());
            link
        };
        let by_number = |number: u32| {
            let is_reached = skipped_before(number, self.per_page()).is_some();
            is_reached.then(|| to_page(number))
        };
        let number = self.page_number();
        let last_number = match total {
            Total::Exactly(count) => u32::try_from(count.div_ceil(self.per_page().into())).ok(),
            Total::AtLeast(_) => None,
        };

        let next = more_after.map(|last| {
            let mut link = to_page(number.saturating_add(1));
            push_pair(&mut link, "cursor", &self.cursor(last, total));
            link
        });
        let before = number.checked_sub(1).filter(|before| *before > 0);
        Links {
            first: before.and_then(|_| by_number(1)),
            previous: before.and_then(by_number),
            last: last_number
                .filter(|last| next.is_some() && *last > number)
                .and_then(by_number),
            next,
        }
    }

    /// All parameters except those that give the start of a page.
    fn link(&self, path: &str) -> String {
        let mut link = format!("{path}?");
        for given in self.params.iter() {
            if matches!(given.parameter, Parameter::Cursor | Parameter::Page) {
                continue;
            }
            let end = if given.parameter == Parameter::From {
                self.range.from
            } else {
                self.range.to
            };
            // An age would mean another time when the link is followed.
            if is_relative(given) {
                push_pair(&mut link, &given.name, &end.to_string());
            } else {
                push_pair(&mut link, &given.name, &given.value);
            }
        }
        link
    }

    /// Adds the missing ends of the range: their defaults will have changed when the link is followed.
    fn push_range(&self, link: &mut String) {
        let ends = [
            (Parameter::From, "from", self.range.from),
            (Parameter::To, "to", self.range.to),
        ];
        for (parameter, name, instant) in ends {
            if self.params.single(parameter).is_none() {
                push_pair(link, name, &instant.to_string());
            }
        }
    }

    fn cursor(&self, position: Position, total: Total) -> String {
        let filters_digest = self.filters.digest();
        Cursor {
            range: self.range,
            position,
            total,
            filters_digest,
        }
        .encode()
    }
}
