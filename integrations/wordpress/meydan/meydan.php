<?php
/**
 * Plugin Name: Meydan
 * Description: The comments of a Meydan server where the theme has those of WordPress, and wherever [meydan] stands.
 * Version: 0.1.0
 * Requires at least: 6.5
 * Requires PHP: 7.4
 * License: Apache-2.0
 *
 * What wp-config.php has to say, and how it is tested: docs/embed.md. Nothing of a reader is sent from here.
 */

defined( 'ABSPATH' ) || exit;

// Without a server there is nothing to show: WordPress stays as it was.
if ( defined( 'MEYDAN_SERVER' ) ) {
	add_shortcode( 'meydan', 'meydan_comments' );
	// Themes made of PHP files ask for a file, themes made of blocks for what a block shows.
	add_filter( 'comments_template', 'meydan_template' );
	add_filter( 'render_block_core/comments', 'meydan_place' );
	add_action( 'pre_comment_on_post', 'meydan_refuse' );
	add_action( 'wp_after_insert_post', 'meydan_register', 10, 2 );
}

/** An address of the server, by its path. */
function meydan_address( string $path ): string {
	return rtrim( MEYDAN_SERVER, '/' ) . $path;
}

/** The comments and the form of the post that is shown; until the script is there, a link to a page with the same. */
function meydan_comments(): string {
	$post = get_post();
	if ( ! $post || ! is_singular() || is_feed() || 'publish' !== get_post_status( $post ) || post_password_required( $post ) ) {
		return '';
	}
	// Of an address without a version: the server says itself how long it may be kept.
	wp_enqueue_script_module( 'meydan', meydan_address( '/embed.js' ), array(), null );
	$story = get_permalink( $post );
	$asked = http_build_query(
		array(
			'story' => $story,
			'lang'  => get_bloginfo( 'language' ),
		)
	);
	return sprintf(
		'<div id="comments" class="comments-area"><meydan-comments story="%s"><a href="%s">%s</a></meydan-comments></div>',
		esc_url( $story ),
		esc_url( meydan_address( "/comments?$asked" ) ),
		esc_html__( 'Comments' )
	);
}

/** The same where the theme has its comments, unless the author has put them elsewhere. */
function meydan_place(): string {
	$post = get_post();
	if ( ! $post || ! comments_open( $post ) || has_shortcode( $post->post_content, 'meydan' ) ) {
		return '';
	}
	return meydan_comments();
}

/** The file that stands in for the theme's comments.php. */
function meydan_template(): string {
	return __DIR__ . '/comments.php';
}

/** No comment gets into WordPress by its own form any more: nobody would moderate it. */
function meydan_refuse(): void {
	wp_die( esc_html__( 'Sorry, comments are closed for this item.' ), '', array( 'response' => 403 ) );
}

/** Tell the server a post's title and text: comments are judged by what they are about. */
function meydan_register( int $id, WP_Post $post ): void {
	$public = 'publish' === $post->post_status && '' === $post->post_password;
	if ( ! defined( 'MEYDAN_TOKEN' ) || ! $public || ! post_type_supports( $post->post_type, 'comments' ) ) {
		return;
	}
	$answer = wp_remote_request(
		meydan_address( '/api/v1/stories' ),
		array(
			'method'  => 'PUT',
			'timeout' => 3,
			'headers' => array(
				'Authorization' => 'Bearer ' . MEYDAN_TOKEN,
				'Content-Type'  => 'application/json',
			),
			'body'    => wp_json_encode(
				array(
					'url'   => get_permalink( $post ),
					'title' => wp_strip_all_tags( $post->post_title ),
					'text'  => wp_strip_all_tags( strip_shortcodes( $post->post_content ) ),
				)
			),
		)
	);
	$status = is_wp_error( $answer ) ? $answer->get_error_message() : wp_remote_retrieve_response_code( $answer );
	if ( 200 !== $status ) {
		// The post is published all the same; it is registered when it is saved again.
		error_log( "Meydan did not take post $id: $status" );
	}
}
