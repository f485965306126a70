internal import Foundation
internal import Server
internal import Testing

/// The page as it is served; scripts/check-page tries it in a browser.
@Suite struct PageTests {
  let html = String(decoding: PageRoute.html, as: UTF8.self)

  @Test func isOneFile() {
    #expect(html.hasPrefix("<!doctype html>"))
    #expect(!html.contains("<link rel=\"stylesheet\"") && !html.contains("<script src="))
    #expect(html.matches(of: /<style>/).count == 1)
    #expect(html.matches(of: /<\/style/).count == 1)
    let scripts = html.matches(of: /<script>/).count
    #expect(scripts == html.matches(of: /<\/script/).count)
    #expect(
      PageRoute.contentSecurityPolicy.matches(of: /'sha256-[\w+\/]{43}='/).count == scripts + 1)
    #expect(PageRoute.html.count < 100_000)
  }

  @Test func namesNoOtherServer() {
    let addresses = html.matches(of: /\w+:\/\/[^\s'"]+/).map { String($0.output) }
    #expect(Set(addresses) == ["http://www.w3.org/2000/svg"])
    #expect(PageRoute.contentSecurityPolicy.hasPrefix("default-src 'none'; "))
    #expect(!PageRoute.contentSecurityPolicy.contains("unsafe"))
  }

  @Test func hasUniqueNames() {
    let names = html.matches(of: /\sid="([^"$]+)"/).map { String($0.output.1) }
    #expect(Set(names).count == names.count)
    let used = html.matches(of: /\s(?:for|aria-(?:labelledby|controls|describedby))="([^"]+)"/)
      .flatMap { $0.output.1.split(separator: " ").map(String.init) }
    #expect(Set(used).subtracting(names).isEmpty && used.count > 10)
  }
}
