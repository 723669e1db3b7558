//! SparkPost's two searches for the same events.

/// Which of the two APIs a request speaks. They find the same; their answers differ in form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The Events API: integers for ids, `links` as an object.
    Events,
    /// The Message Events API that it replaced in 2019: strings for ids, `links` as a list, numbered pages.
    MessageEvents,
}

impl Dialect {
    /// Where the search is found; links begin with it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Events => "/api/v1/events/message",
            Self::MessageEvents => "/api/v1/message-events",
        }
    }
}
