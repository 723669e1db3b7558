//! The outcome of a batch or an object, in numbers.

/// The outcomes of the events of a batch or an object. The sum of the four is the number of events received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stored now.
    pub stored: u64,
    /// Stored before, or twice in the same batch or object.
    pub duplicate: u64,
    /// Rejected now.
    pub rejected: u64,
    /// Left out, because they are those of an erased person.
    pub erased: u64,
}
