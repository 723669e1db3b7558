//! A login that could do harm is not used for statements of callers.

use sqlx::PgConnection;

use super::FreeSqlError;
use crate::error::Step;

/// Roles come with Postgres that reach the server's files and programs, or all tables.
/// <https://www.postgresql.org/docs/current/predefined-roles.html>
const CAN_DO_MORE: &str = r"
    select
        rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
        or exists (
            select
            from pg_roles as predefined
            where predefined.rolname in (
                    'pg_checkpoint', 'pg_create_subscription', 'pg_execute_server_program', 'pg_maintain',
                    'pg_read_server_files', 'pg_signal_backend', 'pg_write_all_data', 'pg_write_server_files',
                    'rds_superuser'
                )
                and pg_has_role(session_user, predefined.oid, 'member')
        )
        or has_schema_privilege(session_user, current_schema(), 'create')
        or has_table_privilege(session_user, 'email_events', 'insert, update, delete, truncate')
    from pg_roles
    where rolname = session_user";

/// # Errors
/// [`FreeSqlError::LoginCanWrite`].
pub(super) async fn refuse_more_than_reading(
    connection: &mut PgConnection,
) -> Result<(), FreeSqlError> {
    let can_do_more: bool = sqlx::query_scalar(CAN_DO_MORE)
        .persistent(false)
        .fetch_one(connection)
        .await
        .step("looking for the rights of the login")?;
    if can_do_more {
        Err(FreeSqlError::LoginCanWrite)
    } else {
        Ok(())
    }
}
