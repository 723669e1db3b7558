//! Positions of calls in a chunk.

use event_mapping::Call;

/// The index of a call in its chunk, used by packing, sending and resolution. Indices in a request are plain numbers;
/// only a destination's response has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallIndex(pub(crate) usize);

impl CallIndex {
    /// The item at this index: the call itself, or its result.
    pub(crate) fn of<T>(self, items: &[T]) -> Option<&T> {
        items.get(self.0)
    }

    /// Calls with their indices.
    pub(crate) fn enumerate(calls: &[Call]) -> impl Iterator<Item = (Self, &Call)> {
        calls
            .iter()
            .enumerate()
            .map(|(index, call)| (Self(index), call))
    }
}
