//! Operations of the store on a connection.

use sqlx::PgConnection;

use crate::StoreError;

/// An operation on a connection, which may be repeated from its beginning.
///
/// It leaves no transaction open if it succeeds; if it fails or is dropped, the connection is dropped too. A trait and
/// not an async closure, because the compiler cannot prove that a closure's future is `Send`.
pub(crate) trait Operation: Sync {
    type Output: Send;

    fn run(
        &self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;

    /// Whether rows of a successful operation are still to come on its connection. The next operation would have to read them, so
    /// the connection is dropped.
    fn leaves_rows_unread(_output: &Self::Output) -> bool {
        false
    }
}
