//! Links from one page to the others.

use crate::cursor::{Cursor, Position};
use crate::instant;
use crate::parameter::Parameter;
use crate::query::{EventQuery, Total};
use crate::query_string::push_pair;

/// Where the other pages are. Host-relative, as SparkPost's links are; absent where there is no such page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    pub first: Option<String>,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub last: Option<String>,
}

impl EventQuery {
    /// The link to the page after the row at `more_after`, if there is one: `path` with all parameters of this
    /// request, in the names and values that the caller chose, and a cursor.
    pub fn next_link(&self, path: &str, more_after: Option<Position>, total: Total) -> Links {
        let next = more_after.map(|last| {
            let mut link = self.link(path, &[Parameter::Cursor, Parameter::Page]);
            push_pair(&mut link, "cursor", &self.cursor(last, total));
            link
        });
        Links {
            next,
            ..Links::default()
        }
    }

    /// Links for an API whose pages have numbers. The next page has a cursor as well: by its number alone it would
    /// begin where a count of rows says, which events that arrive meanwhile shift. The last page is known only with
    /// the total.
    pub fn page_links(&self, path: &str, more_after: Option<Position>, total: Total) -> Links {
        let to_page = |number: u64| {
            let mut link = self.link(path, &[Parameter::Cursor, Parameter::Page]);
            self.push_range(&mut link);
            push_pair(&mut link, "page", &number.to_string());
            link
        };
        let number = u64::from(self.page_number());
        let last_number = match total {
            Total::Exactly(count) => Some(count.div_ceil(self.per_page().into())),
            Total::AtLeast(_) => None,
        };

        let next = more_after.map(|last| {
            let mut link = to_page(number + 1);
            push_pair(&mut link, "cursor", &self.cursor(last, total));
            link
        });
        Links {
            first: (number > 1).then(|| to_page(1)),
            previous: (number > 1).then(|| to_page(number - 1)),
            last: last_number
                .filter(|last| next.is_some() && *last > number)
                .map(to_page),
            next,
        }
    }

    fn link(&self, path: &str, left_out: &[Parameter]) -> String {
        let mut link = format!("{path}?");
        for given in self
            .given
            .iter()
            .filter(|given| !left_out.contains(&given.parameter))
        {
            push_pair(&mut link, &given.name, &given.value);
        }
        link
    }

    /// Adds the ends of the range that were not given: their defaults will have moved on when the link is followed.
    fn push_range(&self, link: &mut String) {
        let ends = [
            (Parameter::From, "from", self.range.from),
            (Parameter::To, "to", self.range.to),
        ];
        for (parameter, name, instant) in ends {
            if self.given.single(parameter).is_none() {
                push_pair(link, name, &instant::to_millis(instant));
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
