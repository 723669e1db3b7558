//! The three outcomes of a queue message.

/// The outcome of a message, or of one of its objects. Ordered: a message has the greatest outcome of its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Disposition {
    /// All of it is stored: acknowledged.
    Done,
    /// It can never be used, and a rejected line says why: acknowledged.
    Reject,
    /// Another attempt may succeed: it stays in the queue.
    Retry,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_prevails_over_reject_and_reject_over_done() {
        assert_eq!(
            Disposition::Reject.max(Disposition::Retry),
            Disposition::Retry
        );
        assert_eq!(
            Disposition::Done.max(Disposition::Reject),
            Disposition::Reject
        );
    }
}
