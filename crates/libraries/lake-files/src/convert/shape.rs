//! Which key of an event leads to which column.

use lake_schema::Table;

use crate::short::fast_eq;

/// The keys of an object that lead somewhere, in the order of the columns.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    keys: Vec<(Box<str>, Target)>,
}

/// Where a key leads.
#[derive(Debug)]
pub(crate) enum Target {
    /// To the column of that index, as the `source`th of its paths.
    Column { column_index: usize, source: usize },
    /// Into an object.
    Inside(Shape),
}

/// The key of a definition that stands for any.
const ANY: &str = "*";

/// What is known about a key of an event.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// The key's index in the shape.
    pub(crate) index: usize,
    /// Where it leads.
    pub(crate) target: &'a Target,
    /// The event writes it in another case, or it stands for any.
    pub(crate) is_folded: bool,
}

impl Shape {
    pub(crate) fn of(table: &Table) -> Self {
        let mut shape = Self::default();
        for (column_index, column) in table.columns().iter().enumerate() {
            for (source, path) in column.from.iter().enumerate() {
                shape.add(
                    path,
                    Target::Column {
                        column_index,
                        source,
                    },
                );
            }
        }
        shape
    }

    fn add(&mut self, path: &str, target: Target) {
        let Some((outer, inner)) = path.split_once('.') else {
            self.keys.push((path.into(), target));
            return;
        };
        let known = self.keys.iter().position(|(key, _)| **key == *outer);
        let index = known.unwrap_or_else(|| {
            self.keys
                .push((outer.into(), Target::Inside(Self::default())));
            self.keys.len() - 1
        });
        // A table's definition never has a path both end at a key and go on into it.
        if let Some((_, Target::Inside(shape))) = self.keys.get_mut(index) {
            shape.add(inner, target);
        }
    }

    /// Looks a key up as it is written in the event. Events of one kind have their keys in one order, so the key after the
    /// last one found is tried first. Case does not matter, as it does not to Athena's own JSON readers; a key that matches
    /// exactly goes before one that does not.
    pub(crate) fn find(&self, key: &[u8], expected: usize) -> Option<Found<'_>> {
        if let Some((name, target)) = self.keys.get(expected)
            && fast_eq(name.as_bytes(), key)
        {
            return Some(Found {
                index: expected,
                target,
                is_folded: false,
            });
        }
        let position = |matches: fn(&[u8], &[u8]) -> bool| {
            self.keys
                .iter()
                .position(|(name, _)| matches(name.as_bytes(), key))
        };
        let (index, is_folded) = match position(fast_eq) {
            Some(index) => (index, false),
            None => (
                position(<[u8]>::eq_ignore_ascii_case).or_else(|| self.any())?,
                true,
            ),
        };
        let (_, target) = self.keys.get(index)?;
        Some(Found {
            index,
            target,
            is_folded,
        })
    }

    fn any(&self) -> Option<usize> {
        self.keys.iter().position(|(name, _)| **name == *ANY)
    }

    /// A key's own spelling.
    pub(crate) fn key(&self, index: usize) -> &str {
        self.keys.get(index).map_or("", |(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_any_order_and_case() {
        let shape = Shape::of(&Table::product_events());

        let column = |key: &str, expected| match shape.find(key.as_bytes(), expected)?.target {
            Target::Column { column_index, .. } => Some(*column_index),
            Target::Inside(_) => None,
        };
        assert_eq!(column("event", 0), Some(0));
        assert_eq!(column("userId", 0), Some(1));
        assert_eq!(column("ts", 9), column("dateTime", 0));
        assert_eq!(column("USERID", 0), Some(1));
        assert_eq!(column("user", 0), None);
        assert_eq!(column("", 99), None);
        assert!(shape.find(b"userid", 0).unwrap().is_folded);
        assert!(!shape.find(b"userId", 0).unwrap().is_folded);
    }

    #[test]
    fn any_key_leads_where_no_other_does() {
        let shape = Shape::of(&Table::email_events());

        let Target::Inside(msys) = shape.find(b"msys", 0).unwrap().target else {
            panic!("msys is an object");
        };
        for class in ["message_event", "a_class_of_tomorrow"] {
            let found = msys.find(class.as_bytes(), 0).unwrap();
            assert!(found.is_folded, "its own spelling is kept");
            assert!(matches!(found.target, Target::Inside(_)));
        }
        assert!(shape.find(b"other", 0).is_none());
    }

    #[test]
    fn paths_lead_into_one_inner_shape() {
        let shape = Shape::of(&Table::product_events());

        let Target::Inside(geo) = shape.find(b"geo", 0).unwrap().target else {
            panic!("geo is an object");
        };
        assert!(geo.find(b"country", 0).is_some());
        assert!(geo.find(b"city", 0).is_some());
    }
}
