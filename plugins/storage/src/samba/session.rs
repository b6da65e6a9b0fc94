/// The processes that serve these users, by what `smbstatus -p -n` says.
pub(super) fn of_users(text: &str, users: &[u32]) -> Vec<u32> {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let process = |words: Vec<&str>| {
        // In a cluster, the number of the machine is before that of the process.
        let process = words.first()?.rsplit(':').next()?.parse().ok()?;
        let user: u32 = words.get(1)?.parse().ok()?;
        (users.contains(&user) && process > 1).then_some(process)
    };
    lines.filter_map(process).collect()
}
