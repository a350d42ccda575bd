<?php
/**
 * A stand-in for WordPress: only the functions that the plugin calls, each with as much behind it as is needed to
 * show a post as a theme would. Run by PHP's own server. It is not WordPress, and proves nothing of WordPress.
 *
 * /POST?theme=classic|blocks shows a post, /save?post=POST saves it, /wp-comments-post.php is WordPress's own form.
 */

define( 'ABSPATH', __DIR__ . '/' );
require getenv( 'STAND_IN_CONFIG' );

final class WP_Post {
	public string $post_status   = 'publish';
	public string $post_type     = 'post';
	public string $post_password = '';
	public function __construct( public int $ID, public string $path, public string $post_title, public string $post_content ) {}
}

final class WP_Error {
	public function get_error_message(): string {
		return 'no answer';
	}
}

$posts = array(
	'a-story'    => new WP_Post( 1, '/a-story', 'A story', '<p>What happened.</p>' ),
	'elsewhere'  => new WP_Post( 2, '/elsewhere', 'Elsewhere', '<p>Before.</p>[meydan]<p id="after">After.</p>' ),
	'hostile'    => new WP_Post( 3, '/hostile?a=1&b="><script>window.broken=1</script>', 'Hostile', '' ),
	'draft'      => new WP_Post( 4, '/draft', 'A draft', '' ),
);
$posts['draft']->post_status = 'draft';

$hooks   = array();
$codes   = array();
$modules = array();
$path    = parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH );
$post    = $posts[ trim( $_GET['post'] ?? $path, '/' ) ] ?? null;

function add_filter( $hook, $call, $priority = 10, $takes = 1 ) {
	$GLOBALS['hooks'][ $hook ][] = array( $call, $takes );
}
function add_action( ...$given ) {
	add_filter( ...$given );
}
function apply_filters( $hook, $value, ...$more ) {
	foreach ( $GLOBALS['hooks'][ $hook ] ?? array() as [ $call, $takes ] ) {
		// WordPress gives every filter a value, and PHP's own functions more than they take.
		$value = $call( ...array_slice( array( $value, ...$more ), 0, $takes ) );
	}
	return $value;
}
function add_shortcode( $code, $call ) {
	$GLOBALS['codes'][ $code ] = $call;
}
function has_shortcode( $content, $code ) {
	return str_contains( $content, "[$code]" );
}
function strip_shortcodes( $content ) {
	return str_replace( '[meydan]', '', $content );
}
function get_post() {
	return $GLOBALS['post'];
}
function get_post_status( $post ) {
	return $post->post_status;
}
function post_password_required( $post ) {
	return '' !== $post->post_password;
}
function post_type_supports( $type, $what ) {
	return 'post' === $type && 'comments' === $what;
}
function comments_open( $post ) {
	return true;
}
function is_singular() {
	return true;
}
function is_feed() {
	return false;
}
function get_permalink( $post ) {
	return getenv( 'STAND_IN_SITE' ) . $post->path;
}
function get_bloginfo( $what ) {
	return 'en-US';
}
function esc_url( $url ) {
	return htmlspecialchars( $url, ENT_QUOTES );
}
function esc_html__( $text ) {
	return htmlspecialchars( $text, ENT_QUOTES );
}
function wp_strip_all_tags( $text ) {
	return trim( strip_tags( $text ) );
}
function wp_json_encode( $value ) {
	return json_encode( $value );
}
function wp_enqueue_script_module( $id, $src, $needs, $version ) {
	$GLOBALS['modules'][ $id ] = $src . ( null === $version ? '' : "?ver=$version" );
}
function wp_die( $message, $title, $how ) {
	http_response_code( $how['response'] );
	exit( $message );
}
function is_wp_error( $answer ) {
	return $answer instanceof WP_Error;
}
function wp_remote_retrieve_response_code( $answer ) {
	return $answer['response']['code'];
}
function wp_remote_request( $url, $how ) {
	$headers = array();
	foreach ( $how['headers'] as $name => $value ) {
		$headers[] = "$name: $value";
	}
	$http = array(
		'method'        => $how['method'],
		'timeout'       => $how['timeout'],
		'header'        => $headers,
		'content'       => $how['body'],
		'ignore_errors' => true,
	);
	if ( false === file_get_contents( $url, false, stream_context_create( array( 'http' => $http ) ) ) ) {
		return new WP_Error();
	}
	return array( 'response' => array( 'code' => (int) explode( ' ', $http_response_header[0] )[1] ) );
}

require getenv( 'STAND_IN_PLUGIN' );

if ( '/wp-comments-post.php' === $path ) {
	apply_filters( 'pre_comment_on_post', 1 );
	exit( 'taken' );
}
if ( ! $post ) {
	http_response_code( '/favicon.ico' === $path ? 204 : 404 );
	exit;
}
if ( '/save' === $path ) {
	apply_filters( 'wp_after_insert_post', $post->ID, $post, true, null );
	exit( 'saved' );
}
?>
<!doctype html>
<html lang="en-US">
<meta charset="utf-8">
<title><?php echo esc_html__( $post->post_title ); ?></title>
<main>
<h1><?php echo esc_html__( $post->post_title ); ?></h1>
<?php
$content = $post->post_content;
foreach ( $codes as $code => $call ) {
	$content = str_replace( "[$code]", has_shortcode( $content, $code ) ? $call( '', null, $code ) : '', $content );
}
echo $content;
// A theme's own comments: what the plugin has to take the place of.
if ( 'blocks' === ( $_GET['theme'] ?? '' ) ) {
	echo apply_filters( 'render_block_core/comments', '<form id="commentform"></form>', array(), null );
} else {
	require apply_filters( 'comments_template', __DIR__ . '/the-theme-s-own-comments.php' );
}
foreach ( $modules as $id => $src ) {
	printf( '<script type="module" src="%s" id="%s-js-module"></script>', esc_url( $src ), esc_html__( $id ) );
}
?>
</main>
</html>
