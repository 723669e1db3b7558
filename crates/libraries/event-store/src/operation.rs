//! What the store does with a connection.

use sqlx::PgConnection;

use crate::StoreError;

/// Something to do with a connection, which may be tried again from its beginning.
///
/// It ends in no transaction when it ends well; when it does not, or is dropped, the connection is dropped too. A trait
/// and not an async closure, because the compiler cannot see that a closure's future can move between threads.
pub(crate) trait Operation: Sync {
    type Output: Send;

    fn run(
        &self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;
}
