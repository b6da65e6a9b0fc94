/// Whether somebody listens at a port of this machine, as the kernel says: a connection would count as a user.
pub(crate) fn listens(port: u16) -> bool {
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let port = format!(":{port:04X}");
    tables.iter().flat_map(|table| table.lines()).any(|line| {
        let words: Vec<&str> = line.split_whitespace().take(4).collect();
        // 0A: it waits for connections.
        matches!(words.as_slice(), [_, local, _, "0A"] if local.ends_with(&port))
    })
}
