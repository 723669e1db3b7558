//! Roles of the server that all tests share.

/// The SQL that sets a role's password, however many databases of the server do the same at once: Postgres refuses the later
/// change of a role as an internal error ("tuple concurrently updated") instead of waiting for the earlier one.
pub fn password_sql(role: &str, password: &str) -> String {
    assert!(
        !role.contains(['"', '$']) && !password.contains(['\'', '$']),
        "a name and a password without quotes"
    );
    format!(
        r#"do $$ begin
            for attempt in 1..1000 loop
                begin
                    alter role "{role}" password '{password}';
                    return;
                exception when internal_error then
                    perform pg_sleep(0.01);
                end;
            end loop;
            raise exception 'other sessions change the role all the time';
        end $$"#
    )
}
