//! Which of the entries of an object count.

use std::{borrow::Cow, collections::HashMap};

use super::Field;

/// Objects of more entries get a table: a body may have a hundred thousand names, and comparing each with all others would
/// take too long. Comparing a few is faster than a table.
const FEW: usize = 16;

/// The names of an object's entries. Of a repeated name, the last entry counts, as for any JSON reader.
#[derive(Debug)]
pub struct Names<'e, 'a> {
    entries: &'e [(Cow<'a, str>, Field<'a>)],
    /// The last index of each name; `None` for a few names.
    last_indices: Option<HashMap<&'e str, usize>>,
}

impl<'e, 'a> Names<'e, 'a> {
    /// The names of these entries.
    pub fn of(entries: &'e [(Cow<'a, str>, Field<'a>)]) -> Self {
        let names = entries.iter().enumerate();
        let last_indices = (entries.len() > FEW).then(|| {
            names
                .map(|(index, (name, _))| (name.as_ref(), index))
                .collect()
        });
        Self {
            entries,
            last_indices,
        }
    }

    /// Whether the entry at `index` is the one of its name that counts.
    pub fn counts(&self, index: usize) -> bool {
        let Some((name, _)) = self.entries.get(index) else {
            return false;
        };
        match &self.last_indices {
            Some(last_indices) => last_indices.get(name.as_ref()) == Some(&index),
            None => !self
                .entries
                .iter()
                .skip(index + 1)
                .any(|(it, _)| it == name),
        }
    }

    /// Whether an entry has this name.
    pub fn contains(&self, name: &str) -> bool {
        match &self.last_indices {
            Some(last_indices) => last_indices.contains_key(name),
            None => self.entries.iter().any(|(it, _)| it == name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_of_a_name_counts_among_few_and_many() {
        for more in [0, FEW] {
            let names = ["b", "a", "b"].map(str::to_owned);
            let fillers = (0..more).map(|index| format!("x{index}"));
            let entries: Vec<_> = names
                .into_iter()
                .chain(fillers)
                .map(|name| (Cow::Owned(name), Field::default()))
                .collect();

            let names = Names::of(&entries);

            assert_eq!(
                [0, 1, 2].map(|index| names.counts(index)),
                [false, true, true]
            );
            assert!((3..entries.len()).all(|index| names.counts(index)));
            assert!(!names.counts(entries.len()));
            assert!(names.contains("a") && names.contains("b") && !names.contains("c"));
        }
    }
}
