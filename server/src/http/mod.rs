pub fn serve(_: &std::sync::Arc<crate::app::App>) -> std::io::Result<()> {
    Ok(())
}
